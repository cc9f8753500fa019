//! Default values, as a pipeline file spells them.

use syn::{Expr, Field, Item, Lit, Member, Type};

use crate::{
    attributes::SerdeDefault,
    sources::{Declaration, SourceFile, Sources, result},
};

/// Returns the default of `field` by serde's attributes of the field and of its type: `None` where leaving the field out has no value
/// to spell. Returns nothing if the code is too complicated.
pub fn of_field(
    sources: &Sources,
    declaration: Declaration<'_>,
    field: &Field,
    [of_field, of_type]: [&SerdeDefault; 2],
) -> Option<String> {
    match (of_field, of_type, declaration.file.default_of(declaration.ident)) {
        (SerdeDefault::Function(path), ..) => {
            let (file, expression) = sources.function(declaration.file, path)?;
            of_expression(file, expression)
        }
        (SerdeDefault::None, SerdeDefault::OfType, Some(Expr::Struct(literal))) => {
            let is_it =
                |member: &Member| matches!(member, Member::Named(name) if Some(name) == field.ident.as_ref());
            let value = literal.fields.iter().find(|value| is_it(&value.member))?;
            of_expression(declaration.file, &value.expr)
        }
        _ => of_type_named(sources, declaration.file, &field.ty),
    }
}

fn of_expression(file: &SourceFile, expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Bool(value) => Some(value.value.to_string()),
            Lit::Int(value) => Some(value.base10_digits().to_owned()),
            Lit::Float(value) => Some(value.base10_digits().to_owned()),
            _ => None,
        },
        Expr::Path(path) => {
            let name = &path.path.segments.last()?.ident;
            file.constant(name).map_or(Some(name.to_string()), |value| of_expression(file, value))
        }
        // `Some(3)`, `NonZeroU32::new(3)`
        Expr::Call(call) => of_expression(file, call.args.first()?),
        // `.expect("not 0")`, `.into()`
        Expr::MethodCall(call) => of_expression(file, &call.receiver),
        Expr::Const(block) => of_expression(file, result(&block.block)?),
        _ => None,
    }
}

fn of_type_named(sources: &Sources, file: &SourceFile, kind: &Type) -> Option<String> {
    let Type::Path(path) = kind else { return None };
    let value = match path.path.segments.last()?.ident.to_string().as_str() {
        "Option" => "None",
        "Vec" => "[]",
        "bool" => "false",
        "u8" | "u16" | "u32" | "u64" | "usize" => "0",
        "f32" | "f64" => "0.0",
        name => {
            let Item::Enum(item) = sources.find(file, name)?.item else { return None };
            let mut variants = item.variants.iter();
            let default =
                variants.find(|variant| variant.attrs.iter().any(|it| it.path().is_ident("default")));
            return default.map(|variant| variant.ident.to_string());
        }
    };
    Some(value.into())
}
