//! The settings of a run, and the groups that were measured so far.

use settings::Device;

use crate::{
    peers::Peers,
    report::Group,
    rounds::{self, Contestant, Effort},
    tell,
};

pub struct Session {
    pub device: Device,
    pub effort: Effort,
    /// Only groups with this text in their title are measured; empty for all.
    pub only: String,
    pub peers: Peers,
    pub groups: Vec<Group>,
}

impl Session {
    /// Returns whether the group of this title is to be measured, and announces it if so.
    pub fn begins(&self, title: &str) -> bool {
        let is_wanted = title.contains(&self.only);
        if is_wanted {
            tell(&format!("measuring: {title}"));
        }
        is_wanted
    }

    /// Times the contestants in turn and appends their group.
    pub fn compare(&mut self, title: String, contestants: Vec<Contestant<'_>>) -> anyhow::Result<&mut Group> {
        let entries = rounds::time(contestants, self.effort)?;
        Ok(self.add(Group::new(title, entries)))
    }

    pub fn add(&mut self, group: Group) -> &mut Group {
        self.groups.push(group);
        self.groups.last_mut().expect("it was just pushed")
    }
}
