//! Values that the code writes in Rust, as a pipeline file writes them.

use syn::{Expr, Fields, Lit, Type};

use crate::{
    code::{Body, Code, Declaration, SourceFile, result},
    serde_attributes::derives,
};

/// A value in a pipeline file; `None` is left out there.
pub type Written = Option<String>;

/// Why a value cannot be told from the code.
pub struct TooHard;

/// What `expression` in `file` comes to.
pub fn of_expression(file: &SourceFile, expression: &Expr) -> Result<Written, TooHard> {
    match expression {
        Expr::Lit(literal) => of_literal(&literal.lit).map(Some),
        Expr::Path(path) => {
            let name = path.path.segments.last().ok_or(TooHard)?.ident.to_string();
            match file.constant(&name) {
                Some(value) => of_expression(file, value),
                None if name == "None" => Ok(None),
                None => Ok(Some(name)),
            }
        }
        Expr::Struct(literal) => {
            let fields = literal.fields.iter().map(|field| {
                let syn::Member::Named(name) = &field.member else { return Err(TooHard) };
                let value = of_expression(file, &field.expr)?;
                Ok(value.map(|value| format!("{name}: {value}")))
            });
            let fields: Vec<Written> = fields.collect::<Result<_, _>>()?;
            Ok(Some(format!("({})", fields.into_iter().flatten().collect::<Vec<_>>().join(", "))))
        }
        Expr::Call(call) => {
            let Expr::Path(function) = &*call.func else { return Err(TooHard) };
            let path: Vec<String> =
                function.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            match (path.as_slice(), call.args.first()) {
                (["Some"] | [_, "new"], Some(value)) => of_expression(file, value),
                (["Vec", "new"], None) => Ok(Some("[]".into())),
                (["Self", variant], Some(value)) => {
                    let value = of_expression(file, value)?.ok_or(TooHard)?;
                    Ok(Some(crate::behind(variant, &value)))
                }
                _ => Err(TooHard),
            }
        }
        // `.expect("not 0")`, `.into()`
        Expr::MethodCall(call) => of_expression(file, &call.receiver),
        Expr::Const(block) => of_expression(file, result(&block.block).ok_or(TooHard)?),
        _ => Err(TooHard),
    }
}

fn of_literal(literal: &Lit) -> Result<String, TooHard> {
    match literal {
        Lit::Bool(value) => Ok(value.value.to_string()),
        Lit::Int(value) => Ok(value.base10_digits().to_owned()),
        Lit::Float(value) => Ok(value.base10_digits().to_owned()),
        Lit::Str(value) => Ok(format!("{:?}", value.value())),
        _ => Err(TooHard),
    }
}

/// What `Default` makes of the type that `file` calls so.
pub fn default_of_type(code: &Code, file: &SourceFile, kind: &Type) -> Result<Written, TooHard> {
    let Type::Path(path) = kind else { return Err(TooHard) };
    let segment = path.path.segments.last().ok_or(TooHard)?;
    let value = match segment.ident.to_string().as_str() {
        "Option" => return Ok(None),
        "Vec" => "[]",
        "bool" => "false",
        "u8" | "u16" | "u32" | "u64" | "usize" => "0",
        "f32" | "f64" => "0.0",
        "String" | "PathBuf" => "\"\"",
        name => return default_of_declaration(code, code.find(file, name).ok_or(TooHard)?),
    };
    Ok(Some(value.into()))
}

fn default_of_declaration(code: &Code, declaration: Declaration<'_>) -> Result<Written, TooHard> {
    if let Some(expression) = declaration.file.default_of(&declaration.ident()) {
        return of_expression(declaration.file, expression);
    }
    match declaration.body {
        Body::Enum(item) => {
            let is_default = |variant: &&syn::Variant| {
                variant.attrs.iter().any(|attribute| attribute.path().is_ident("default"))
            };
            item.variants
                .iter()
                .find(is_default)
                .map(|variant| Some(variant.ident.to_string()))
                .ok_or(TooHard)
        }
        Body::Struct(item) => {
            let fields = item.fields.iter().map(|field| {
                let value = default_of_type(code, declaration.file, &field.ty)?;
                Ok(value.and_then(|value| Some(format!("{}: {value}", field.ident.as_ref()?))))
            });
            let fields: Vec<Written> = fields.collect::<Result<_, _>>()?;
            Ok(Some(format!("({})", fields.into_iter().flatten().collect::<Vec<_>>().join(", "))))
        }
    }
}

/// What the `Default` of `declaration` makes of its field `name`.
pub fn default_of_field(code: &Code, declaration: Declaration<'_>, name: &str) -> Result<Written, TooHard> {
    let Body::Struct(item) = declaration.body else { return Err(TooHard) };
    match declaration.file.default_of(&declaration.ident()) {
        Some(Expr::Struct(literal)) => {
            let is_it = |field: &&syn::FieldValue| matches!(&field.member, syn::Member::Named(member) if member == name);
            let field = literal.fields.iter().find(is_it).ok_or(TooHard)?;
            of_expression(declaration.file, &field.expr)
        }
        None if derives(&item.attrs, "Default") => {
            let Fields::Named(fields) = &item.fields else { return Err(TooHard) };
            let is_it = |field: &&syn::Field| field.ident.as_ref().is_some_and(|ident| ident == name);
            let field = fields.named.iter().find(is_it).ok_or(TooHard)?;
            default_of_type(code, declaration.file, &field.ty)
        }
        _ => Err(TooHard),
    }
}
