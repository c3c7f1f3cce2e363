//! The directory: how members are found by their name, their mail address, what they are and what they can.
//!
//! Every way of finding somebody is a list of its own, and all lists sort by name. So members in several lists are found
//! by walking the shortest, a page goes on at a name whichever list was walked, and none is longer for the others.

use crate::{
    access::Access,
    commit::Record,
    id::*,
    limits,
    organization::{Membership, Standing},
    policy::{Grant, Role},
    text::{Email, Label, folded_words},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A member stands in a list of the directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberWord {
    /// What those in the list have in common.
    pub word: String,
    /// The member's name as it sorts.
    pub name: String,
    pub user: UserId,
}

/// The member with an address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberMail {
    pub email: Email,
    pub user: UserId,
}

/// A built-in role or one of the organisation's own.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyRole {
    BuiltIn(Role),
    Own(RoleId),
}

impl std::str::FromStr for AnyRole {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let built_in = || Role::ALL.into_iter().find(|role| role.as_str() == text).map(Self::BuiltIn);
        built_in().or_else(|| text.parse().ok().map(Self::Own)).ok_or_else(|| "is neither a built-in role nor the id of one".to_owned())
    }
}

/// Whom a search of the directory asks for: all of this.
#[derive(Debug, Default)]
pub struct MemberSearch {
    /// Each begins a word of the name or the mail address.
    pub words: BTreeSet<String>,
    pub role: Option<AnyRole>,
    pub group: Option<GroupId>,
    pub department: Option<DepartmentId>,
    pub team: Option<TeamId>,
    pub standing: Option<Standing>,
    /// Each begins a word of one and the same skill.
    pub skill: BTreeSet<String>,
}

/// Before the id of a group, the list of those in it.
const GROUP: &str = "group:";

/// The list of those in a group.
pub fn group_list(id: &GroupId) -> String {
    format!("{GROUP}{id}")
}

/// The beginnings of words that have lists: of half the length at least, so that what a list has too much is bounded.
const BEGINNINGS: [usize; 4] = [1, 2, 4, 8];

/// The lists of a word, from the longest to the shortest.
fn begun(of: &'static str, word: &str) -> impl Iterator<Item = String> {
    let end = |length: &usize| word.char_indices().nth(length - 1).map(|(at, c)| at + c.len_utf8());
    BEGINNINGS.iter().rev().filter_map(end).map(move |end| format!("{of}:{}", &word[..end]))
}

fn skill_words(skill: &Label) -> impl Iterator<Item = String> {
    folded_words(skill.as_str()).take(limits::SKILL_WORDS)
}

impl MemberWord {
    pub fn is_of_group(&self) -> bool {
        self.word.starts_with(GROUP)
    }
}

impl Membership {
    /// The name as it sorts: folded, without signs. It has nothing that sorts before the separator of keys.
    pub fn sorting_name(&self) -> String {
        let words: Vec<_> = folded_words(self.name.as_str()).collect();
        words.join("-").chars().take(limits::SORTING_NAME).collect()
    }

    /// The words that find this member: the first of each text, so that a long name does not push the address out.
    fn words(&self) -> BTreeSet<String> {
        [self.name.as_str(), self.email.as_str()].into_iter().flat_map(|text| folded_words(text).take(limits::DIRECTORY_WORDS)).collect()
    }

    /// The lists of the directory in which this member stands, and the way from their address. Who was removed has none.
    pub fn entries(&self) -> Vec<Record> {
        if self.standing == Standing::Removed {
            return Vec::new();
        }
        let words = self.words();
        let skills: BTreeSet<_> = self.skills.iter().flat_map(skill_words).collect();
        let begun = words.iter().flat_map(|word| begun("word", word)).chain(skills.iter().flat_map(|word| begun("skill", word)));
        let is = [format!("role:{}", self.role.as_str()), format!("standing:{}", self.standing.as_str())];
        let roles = self.roles.iter().map(|id| format!("role:{id}"));
        let groups = self.groups.iter().map(group_list);
        let department = self.department.iter().map(|id| format!("department:{id}"));
        let teams = self.teams.iter().map(|id| format!("team:{id}"));
        let lists: BTreeSet<String> = begun.chain(is).chain(roles).chain(groups).chain(department).chain(teams).collect();
        let mail = MemberMail { email: self.email.clone(), user: self.user.clone() };
        lists.into_iter().map(|word| self.entry(word).into()).chain([mail.into()]).collect()
    }

    fn entry(&self, word: String) -> MemberWord {
        MemberWord { word, name: self.sorting_name(), user: self.user.clone() }
    }

    /// Where somebody stands in the list of a group.
    pub(crate) fn group_entry(&self, group: &GroupId) -> MemberWord {
        self.entry(group_list(group))
    }
}

impl Access {
    /// The lists of the directory in which everybody stands who has a permission over all of the organisation.
    pub fn lists_with(&self, grant: Grant) -> Vec<String> {
        let built_in = Role::ALL.iter().filter(|role| role.grants().allow(grant)).map(|role| format!("role:{}", role.as_str()));
        let roles = self.roles.iter().filter(|role| role.permissions.allow(grant)).map(|role| format!("role:{}", role.id));
        let groups = self.groups.iter().filter(|group| group.permissions.allow(grant)).map(|group| group_list(&group.id));
        built_in.chain(roles).chain(groups).collect()
    }
}

impl MemberSearch {
    /// The lists in which everybody stands who fits; the shortest is worth walking.
    pub fn lists(&self) -> Vec<String> {
        let role = self.role.iter().map(|role| match role {
            AnyRole::BuiltIn(role) => format!("role:{}", role.as_str()),
            AnyRole::Own(id) => format!("role:{id}"),
        });
        let group = self.group.iter().map(group_list);
        let department = self.department.iter().map(|id| format!("department:{id}"));
        let team = self.team.iter().map(|id| format!("team:{id}"));
        let standing = self.standing.iter().map(|standing| format!("standing:{}", standing.as_str()));
        let mut words: Vec<_> = self.skill.iter().map(|word| ("skill", word)).chain(self.words.iter().map(|word| ("word", word))).collect();
        words.sort_by_key(|(_, word)| std::cmp::Reverse(word.chars().count()));
        let begun = words.into_iter().filter_map(|(of, word)| begun(of, word).next());
        let lists = role.chain(group).chain(department).chain(team).chain(standing).chain(begun).take(limits::DIRECTORY_LISTS);
        lists.collect::<BTreeSet<String>>().into_iter().collect()
    }

    pub fn fits(&self, member: &Membership) -> bool {
        let own = member.words();
        let has_role = |role: &AnyRole| match role {
            AnyRole::BuiltIn(role) => member.role == *role,
            AnyRole::Own(id) => member.roles.contains(id),
        };
        let has_skill = |skill: &Label| self.skill.iter().all(|sought| skill_words(skill).any(|word| word.starts_with(sought.as_str())));
        member.standing != Standing::Removed
            && self.words.iter().all(|sought| own.iter().any(|word| word.starts_with(sought.as_str())))
            && self.role.as_ref().is_none_or(has_role)
            && self.group.as_ref().is_none_or(|group| member.groups.contains(group))
            && self.department.as_ref().is_none_or(|department| member.department.as_ref() == Some(department))
            && self.team.as_ref().is_none_or(|team| member.teams.contains(team))
            && self.standing.is_none_or(|standing| member.standing == standing)
            && (self.skill.is_empty() || member.skills.iter().any(has_skill))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Timestamp, access::Granting, account::User, text::words};
    use proptest::prelude::*;

    fn member(name: &str, email: &str) -> Membership {
        let now = Timestamp::UNIX_EPOCH;
        let organization = OrganizationId::new(now, 1);
        let (name, email) = (name.parse().unwrap(), email.parse().unwrap());
        User::new(UserId::new(now, 2), name, email, Default::default(), organization.clone(), now).joins(
            &organization,
            Role::Member,
            None,
            now,
        )
    }

    fn lists(member: &Membership) -> BTreeSet<String> {
        let list = |record| match record {
            Record::MemberWord(entry) => Some(entry.word),
            _ => None,
        };
        member.entries().into_iter().filter_map(list).collect()
    }

    #[test]
    fn names_sort_as_people_read_them() {
        let sorted = |name: &str| member(name, "x@example.com").sorting_name();
        let mut names = ["Zoë Adler", "Ann-Marie", "Änne", "Ann", "anna", "Ann B", "Øystein", "O'Neil"].map(|name| (sorted(name), name));
        names.sort();
        let read: Vec<_> = names.iter().map(|(_, name)| *name).collect();
        assert_eq!(read, ["Ann", "Ann B", "Ann-Marie", "anna", "Änne", "O'Neil", "Øystein", "Zoë Adler"]);
        // The separator of keys comes before all that a name is made of, so that a name stands before what begins with it
        assert!(names.iter().all(|(sorting, _)| sorting.chars().all(|c| c > '#')));
    }

    #[test]
    fn whoever_was_removed_stands_in_no_list() {
        let ann = member("Ann", "ann@example.com");
        assert!(!lists(&ann).is_empty());
        assert!(lists(&Membership { standing: Standing::Removed, ..ann }).is_empty());
    }

    #[test]
    fn the_most_lists_of_a_member_stay_few() {
        let name = (0..50).map(|n| format!("{n:02}x")).collect::<Vec<_>>().join(" ");
        let all = lists(&member(&name, "a.b.c.d.e.f.g.h@i.j.k.l.example.com"));
        assert!(all.len() <= 2 * BEGINNINGS.len() * limits::DIRECTORY_WORDS + 2, "{} lists", all.len());
        let skills = (0..limits::SKILLS).map(|n| format!("{n}a {n}b {n}c {n}d").parse().unwrap()).collect();
        let more = lists(&Membership { skills, ..member("Ann", "ann@example.com") });
        assert!(more.len() <= BEGINNINGS.len() * limits::SKILLS * limits::SKILL_WORDS + 20, "{} lists", more.len());
    }

    #[test]
    fn the_words_of_a_skill_are_sought_in_one_and_the_same() {
        let skills = ["Power tools", "Tree surgery"].map(|skill| skill.parse().unwrap()).to_vec();
        let ann = Membership { skills, ..member("Ann", "ann@example.com") };
        for (sought, found) in [("pow", true), ("TOOLS power", true), ("tree", true), ("power tree", false), ("ann", false)] {
            let search = MemberSearch { skill: words([sought]), ..MemberSearch::default() };
            assert_eq!(search.fits(&ann), found, "{sought}");
            assert!(!found || search.lists().iter().all(|list| lists(&ann).contains(list)), "{sought}");
        }
    }

    fn desk<I>(id: I) -> Granting<I> {
        let permissions = [Grant::InviteMembers].into_iter().collect();
        Granting { id, name: "Desk".parse().unwrap(), permissions, created_at: Timestamp::UNIX_EPOCH, version: 1 }
    }

    #[test]
    fn everybody_with_a_permission_stands_in_a_list_of_those_who_have_it() {
        let now = Timestamp::UNIX_EPOCH;
        let (role, group) = (RoleId::new(now, 1), GroupId::new(now, 2));
        let access = Access { roles: vec![desk(role.clone())], groups: vec![desk(group.clone())], ..Access::default() };
        let plain = member("Ann", "ann@example.com");
        let wanted = access.lists_with(Grant::InviteMembers);
        for (member, has) in [
            (plain.clone(), false),
            (Membership { role: Role::Admin, ..plain.clone() }, true),
            (Membership { roles: vec![role], ..plain.clone() }, true),
            (Membership { groups: vec![group], ..plain }, true),
        ] {
            assert_eq!(access.grants(&member).allow(Grant::InviteMembers), has);
            assert_eq!(lists(&member).iter().any(|list| wanted.contains(list)), has, "{wanted:?}");
        }
    }

    proptest! {
        #[test]
        fn whoever_fits_a_search_stands_in_all_its_lists(name in "[A-Za-zÄÖÜéøßżŁ가-깋 '.-]{1,40}", sought in "[a-zäöüéøßżł가-깋]{1,10}") {
            let Ok(_) = name.parse::<crate::text::Line>() else { return Ok(()) };
            let member = member(&name, "zoe.adler@example.com");
            let own: Vec<_> = member.words().into_iter().flat_map(|word| (1..=word.chars().count()).map(move |n| word.chars().take(n).collect::<String>())).collect();
            for begun in own.into_iter().chain([sought]) {
                let search = MemberSearch { words: words([begun.as_str()]), role: Some(AnyRole::BuiltIn(Role::Member)), ..MemberSearch::default() };
                if search.fits(&member) {
                    let lists = lists(&member);
                    prop_assert!(search.lists().iter().all(|list| lists.contains(list)), "{:?} in {:?}", search.lists(), lists);
                }
            }
        }
    }
}
