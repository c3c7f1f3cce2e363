//! Filters and paths as SCIM writes them (RFC 7644, sections 3.4.2.2 and 3.5.2).

use super::{Fault, FaultKind, is_true};
use crate::limits;
use serde_json::Value;

/// `name.givenName`, or `members` under the name of a schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// In lower case, as attributes are compared; an extension's stands under its whole name.
    pub name: String,
    pub sub: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Eq,
    Ne,
    Co,
    Sw,
    Ew,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    /// One value of a list that fits: `emails[type eq "work"]`.
    Any(Attribute, Box<Filter>),
    Present(Attribute),
    Compare(Attribute, Operator, Value),
}

/// Where a change applies: an attribute, or those values of a list that fit, and what of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    pub attribute: Attribute,
    pub of: Option<Filter>,
    pub sub: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    /// A string, a number, `true`, `false` or `null`.
    Literal(Value),
    Open,
    Close,
    OpenList,
    CloseList,
    /// What follows a list in a path.
    Dot(String),
}

fn fault(detail: impl Into<String>) -> Fault {
    Fault { kind: FaultKind::InvalidFilter, detail: detail.into() }
}

/// Where a JSON string that begins here ends, behind its last quote.
fn end_of_string(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    if text.chars().count() > limits::SCIM_FILTER {
        return Err(fault(format!("a filter has {} characters at the most", limits::SCIM_FILTER)));
    }
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' | '[' | ']' => {
                tokens.push(match first {
                    '(' => Token::Open,
                    ')' => Token::Close,
                    '[' => Token::OpenList,
                    _ => Token::CloseList,
                });
                1
            }
            '"' => {
                let end = end_of_string(rest).ok_or_else(|| fault("a string has no end"))?;
                let value = serde_json::from_str(&rest[..end]).map_err(|_| fault("a string is not one of JSON"))?;
                tokens.push(Token::Literal(value));
                end
            }
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || "()[]\"".contains(c)).unwrap_or(rest.len());
                tokens.push(word(&rest[..end])?);
                end
            }
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn word(text: &str) -> Result<Token, Fault> {
    if let Some(sub) = text.strip_prefix('.') {
        return if is_name(sub) { Ok(Token::Dot(sub.to_lowercase())) } else { Err(fault(format!("{text} is not an attribute"))) };
    }
    let begins_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    match text.to_lowercase().as_str() {
        "true" => Ok(Token::Literal(Value::Bool(true))),
        "false" => Ok(Token::Literal(Value::Bool(false))),
        "null" => Ok(Token::Literal(Value::Null)),
        _ if begins_number => {
            serde_json::from_str(text).map(Token::Literal).map_err(|_| fault(format!("{text} is neither a number nor a string in quotes")))
        }
        _ => Ok(Token::Word(text.to_owned())),
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$') && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_$".contains(c))
}

impl Attribute {
    fn parse(text: &str) -> Result<Self, Fault> {
        let wrong = || fault(format!("{text} is not an attribute"));
        let lower = text.to_lowercase();
        // An extension has a name with dots and colons: what follows its last colon is the attribute
        let (schema, name) = match lower.strip_prefix("urn:").and_then(|rest| rest.rsplit_once(':')) {
            Some((schema, name)) => (Some(format!("urn:{schema}")), name.to_owned()),
            None => (None, lower.clone()),
        };
        let (name, sub) = match name.split_once('.') {
            Some((name, sub)) => (name.to_owned(), Some(sub.to_owned())),
            None => (name, None),
        };
        if !is_name(&name) || sub.as_deref().is_some_and(|sub| !is_name(sub)) {
            return Err(wrong());
        }
        match schema.as_deref() {
            None | Some("urn:ietf:params:scim:schemas:core:2.0:user" | "urn:ietf:params:scim:schemas:core:2.0:group") => {
                Ok(Self { name, sub })
            }
            Some(extension) => Ok(Self { name: extension.to_owned(), sub: Some(name) }),
        }
    }

    /// The values it has in a resource: none, one, or those of a list.
    pub fn of<'a>(&self, resource: &'a Value) -> Vec<&'a Value> {
        let Some(value) = member(resource, &self.name) else { return Vec::new() };
        let each: Vec<_> = value.as_array().map_or_else(|| vec![value], |list| list.iter().collect());
        let sub = self.sub.as_deref();
        let reach = |value: &'a Value| match (value, sub) {
            (Value::Object(_), sub) => member(value, sub.unwrap_or("value")),
            (_, None) => Some(value),
            (_, Some(_)) => None,
        };
        each.into_iter().filter_map(reach).collect()
    }
}

/// A member of an object, whatever the case of its name.
pub(super) fn member<'a>(resource: &'a Value, name: &str) -> Option<&'a Value> {
    let object = resource.as_object()?;
    object.get(name).or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: usize,
}

impl Parser {
    fn new(text: &str) -> Result<Self, Fault> {
        Ok(Self { tokens: tokens(text)?.into_iter().peekable(), depth: 0 })
    }

    fn takes_word(&mut self, wanted: &str) -> bool {
        self.tokens.next_if(|token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(wanted))).is_some()
    }

    fn expect(&mut self, wanted: &Token, what: &str) -> Result<(), Fault> {
        if self.tokens.next().as_ref() == Some(wanted) { Ok(()) } else { Err(fault(format!("{what} is missing"))) }
    }

    fn end(&mut self) -> Result<(), Fault> {
        match self.tokens.next() {
            None => Ok(()),
            Some(_) => Err(fault("something follows the end")),
        }
    }

    fn any(&mut self) -> Result<Filter, Fault> {
        self.depth += 1;
        if self.depth > limits::SCIM_FILTER_DEPTH {
            return Err(fault("the filter is nested too deep"));
        }
        let mut left = self.all()?;
        while self.takes_word("or") {
            left = Filter::Or(Box::new(left), Box::new(self.all()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn all(&mut self) -> Result<Filter, Fault> {
        let mut left = self.one()?;
        while self.takes_word("and") {
            left = Filter::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Filter, Fault> {
        if self.tokens.next_if_eq(&Token::Open).is_some() {
            let inner = self.any()?;
            self.expect(&Token::Close, ")")?;
            return Ok(inner);
        }
        if self.takes_word("not") {
            self.expect(&Token::Open, "( after not")?;
            let inner = self.any()?;
            self.expect(&Token::Close, ")")?;
            return Ok(Filter::Not(Box::new(inner)));
        }
        let attribute = self.attribute()?;
        if self.tokens.next_if_eq(&Token::OpenList).is_some() {
            let inner = self.any()?;
            self.expect(&Token::CloseList, "]")?;
            let sub = self.tokens.next_if(|token| matches!(token, Token::Dot(_)));
            // What is asked of a part of it is asked of the same value: `emails[type eq "work"].value eq "…"`
            let inner = match sub {
                Some(Token::Dot(name)) => Filter::And(Box::new(inner), Box::new(self.asked_of(Attribute { name, sub: None })?)),
                _ => inner,
            };
            return Ok(Filter::Any(attribute, Box::new(inner)));
        }
        self.asked_of(attribute)
    }

    /// The operator behind an attribute, and what it compares with.
    fn asked_of(&mut self, attribute: Attribute) -> Result<Filter, Fault> {
        let Some(Token::Word(operator)) = self.tokens.next() else { return Err(fault("an operator is missing")) };
        let operator = match operator.to_lowercase().as_str() {
            "pr" => return Ok(Filter::Present(attribute)),
            "eq" => Operator::Eq,
            "ne" => Operator::Ne,
            "co" => Operator::Co,
            "sw" => Operator::Sw,
            "ew" => Operator::Ew,
            "gt" => Operator::Gt,
            "ge" => Operator::Ge,
            "lt" => Operator::Lt,
            "le" => Operator::Le,
            _ => return Err(fault(format!("{operator} is not an operator"))),
        };
        match self.tokens.next() {
            Some(Token::Literal(value)) => Ok(Filter::Compare(attribute, operator, value)),
            _ => Err(fault("a value to compare with is missing; a string stands in quotes")),
        }
    }

    fn attribute(&mut self) -> Result<Attribute, Fault> {
        match self.tokens.next() {
            Some(Token::Word(word)) => Attribute::parse(&word),
            _ => Err(fault("an attribute is missing")),
        }
    }
}

impl std::str::FromStr for Filter {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let mut parser = Parser::new(text)?;
        let filter = parser.any()?;
        parser.end()?;
        Ok(filter)
    }
}

impl std::str::FromStr for Path {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let read = || -> Result<Self, Fault> {
            let mut parser = Parser::new(text)?;
            let attribute = parser.attribute()?;
            let mut path = Self { attribute, of: None, sub: None };
            if parser.tokens.next_if_eq(&Token::OpenList).is_some() {
                path.of = Some(parser.any()?);
                parser.expect(&Token::CloseList, "]")?;
                if let Some(Token::Dot(sub)) = parser.tokens.next_if(|token| matches!(token, Token::Dot(_))) {
                    path.sub = Some(sub);
                }
            }
            parser.end()?;
            Ok(path)
        };
        read().map_err(|fault: Fault| Fault { kind: FaultKind::InvalidPath, ..fault })
    }
}

/// Attributes in which capitals count.
fn is_exact(attribute: &Attribute) -> bool {
    matches!(attribute.name.as_str(), "id" | "externalid") || attribute.name == "members"
}

fn holds(exact: bool, value: &Value, operator: Operator, wanted: &Value) -> bool {
    use std::cmp::Ordering;
    let texts = |value: &Value| value.as_str().map(|text| if exact { text.to_owned() } else { text.to_lowercase() });
    if let (Some(one), Some(other)) = (texts(value), texts(wanted)) {
        return match operator {
            Operator::Eq => one == other,
            Operator::Ne => one != other,
            Operator::Co => one.contains(&other),
            Operator::Sw => one.starts_with(&other),
            Operator::Ew => one.ends_with(&other),
            Operator::Gt => one > other,
            Operator::Ge => one >= other,
            Operator::Lt => one < other,
            Operator::Le => one <= other,
        };
    }
    if let (Value::Bool(one), Some(other)) = (value, is_true(wanted)) {
        return match operator {
            Operator::Eq => *one == other,
            Operator::Ne => *one != other,
            _ => false,
        };
    }
    let order = value.as_f64().zip(wanted.as_f64()).and_then(|(one, other)| one.partial_cmp(&other));
    match operator {
        Operator::Eq => value == wanted || order == Some(Ordering::Equal),
        Operator::Ne => value != wanted && order != Some(Ordering::Equal),
        Operator::Gt => order == Some(Ordering::Greater),
        Operator::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Operator::Lt => order == Some(Ordering::Less),
        Operator::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        _ => false,
    }
}

impl Filter {
    pub fn fits(&self, resource: &Value) -> bool {
        match self {
            Self::And(a, b) => a.fits(resource) && b.fits(resource),
            Self::Or(a, b) => a.fits(resource) || b.fits(resource),
            Self::Not(inner) => !inner.fits(resource),
            Self::Any(attribute, inner) => match member(resource, &attribute.name) {
                Some(Value::Array(values)) => values.iter().any(|value| inner.fits(value)),
                Some(value) => inner.fits(value),
                None => false,
            },
            Self::Present(attribute) => attribute.of(resource).iter().any(|value| !value.is_null() && value.as_str() != Some("")),
            Self::Compare(attribute, operator, wanted) => {
                let values = attribute.of(resource);
                match operator {
                    // What is absent is not equal to anything but nothing
                    Operator::Eq if values.is_empty() => wanted.is_null(),
                    Operator::Ne => !values.iter().any(|value| holds(is_exact(attribute), value, Operator::Eq, wanted)),
                    _ => values.iter().any(|value| holds(is_exact(attribute), value, *operator, wanted)),
                }
            }
        }
    }

    /// What an attribute must be for anything to fit, where the filter says so.
    pub fn demands(&self, name: &str) -> Option<&str> {
        match self {
            Self::Compare(attribute, Operator::Eq, Value::String(wanted))
                if attribute.name == name && attribute.sub.as_deref().is_none_or(|sub| sub == "value") =>
            {
                Some(wanted)
            }
            Self::Any(attribute, inner) if attribute.name == name => inner.demands("value"),
            Self::And(a, b) => a.demands(name).or_else(|| b.demands(name)),
            _ => None,
        }
    }

    /// The attributes of a new value that fits, where the filter says so: `emails[type eq "work"]` makes one of type `work`.
    pub fn makes(&self) -> serde_json::Map<String, Value> {
        match self {
            Self::Compare(attribute, Operator::Eq, wanted) if attribute.sub.is_none() => {
                [(attribute.name.clone(), wanted.clone())].into_iter().collect()
            }
            Self::And(a, b) => a.makes().into_iter().chain(b.makes()).collect(),
            _ => serde_json::Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn user() -> Value {
        json!({
            "userName": "Ben@example.com", "active": true, "externalId": "00uAb", "name": { "givenName": "Ben", "familyName": "O\"Neil" },
            "emails": [{ "type": "work", "value": "ben@example.com" }, { "type": "home", "value": "ben@home.example" }],
            "meta": { "created": "2026-01-02T00:00:00Z" },
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "Sales" }, "size": 7
        })
    }

    #[test]
    fn a_filter_finds_what_the_standard_says() {
        for (filter, fits) in [
            (r#"userName eq "ben@EXAMPLE.com""#, true),
            (r#"USERNAME Eq "ben@example.com""#, true),
            (r#"externalId eq "00uab""#, false),
            (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "be""#, true),
            (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "sales""#, true),
            (r#"name.familyName eq "O\"Neil""#, true),
            (r#"name.givenName co "e" and name.givenName ew "n""#, true),
            (r#"emails eq "ben@home.example""#, true),
            (r#"emails.type eq "home" and emails.value eq "ben@example.com""#, true),
            (r#"emails[type eq "home" and value eq "ben@example.com"]"#, false),
            (r#"emails[type eq "work" and value co "@example.com"]"#, true),
            (r#"emails[type eq "work"].value eq "Ben@example.com""#, true),
            (r#"emails[type eq "home"].value eq "ben@example.com""#, false),
            (r#"emails[type eq "home"].value pr and active eq true"#, true),
            (r#"not (emails[type eq "work"].value sw "ann")"#, true),
            ("title pr", false),
            ("name pr or userName pr", true),
            ("not (title pr)", true),
            (r#"title eq "x" or active eq true and userName sw "ben""#, true),
            (r#"(title eq "x" or active eq true) and userName sw "zoe""#, false),
            (r#"active eq "True""#, true),
            ("active ne false", true),
            (r#"title ne "x""#, true),
            ("title eq null", true),
            (r#"meta.created gt "2026-01-01T00:00:00Z" and meta.created le "2026-01-02T00:00:00Z""#, true),
            ("size ge 7 and size lt 7.5", true),
        ] {
            let parsed: Filter = filter.parse().unwrap_or_else(|fault: Fault| panic!("{filter}: {}", fault.detail));
            assert_eq!(parsed.fits(&user()), fits, "{filter}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        let deep = format!("{}a pr{}", "(".repeat(100), ")".repeat(100));
        let long = format!("a eq \"{}\"", "x".repeat(2_000));
        for text in [
            "",
            "userName",
            "userName eq",
            "userName eq ben",
            "userName is \"x\"",
            "eq \"x\"",
            "userName eq \"x",
            "(userName pr",
            "userName pr)",
            "userName pr and",
            "and userName pr",
            "not userName pr",
            "emails[type eq \"x\"",
            "a.b.c pr",
            "a eq 1.2.3",
            "1 eq 1",
            "a pr b pr",
            ". pr",
            &deep,
            &long,
        ] {
            assert!(text.parse::<Filter>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_path_names_an_attribute_or_values_of_a_list() {
        let path: Path = r#"emails[type eq "work"].value"#.parse().unwrap();
        assert_eq!((path.attribute.name.as_str(), path.sub.as_deref()), ("emails", Some("value")));
        assert_eq!(path.of.unwrap().makes(), json!({ "type": "work" }).as_object().unwrap().clone());
        assert_eq!("name.givenName".parse::<Path>().unwrap().attribute.sub.as_deref(), Some("givenname"));
        for text in ["", "emails[", "emails[type eq \"x\"]value", "emails[type eq \"x\"].a.b", "a b"] {
            assert!(text.parse::<Path>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_filter_says_what_it_demands() {
        let demands = |filter: &str| filter.parse::<Filter>().unwrap().demands("username").map(str::to_owned);
        assert_eq!(demands(r#"userName eq "a""#).as_deref(), Some("a"));
        assert_eq!(demands(r#"active eq true and (userName eq "a")"#).as_deref(), Some("a"));
        assert_eq!(demands(r#"userName eq "a" or active eq true"#), None);
        assert_eq!(demands(r#"not (userName eq "a")"#), None);
        assert_eq!(demands(r#"userName sw "a""#), None);
    }

    fn filters() -> impl Strategy<Value = String> {
        let attribute = prop::sample::select(vec!["userName", "name.givenName", "emails", "active", "title", "size"]);
        let value = prop::sample::select(vec!["\"ben\"", "\"a\\\"b\"", "true", "7", "null"]);
        let operator = prop::sample::select(vec!["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]);
        let leaf = prop_oneof![
            attribute.clone().prop_map(|attribute| format!("{attribute} pr")),
            (attribute, operator, value).prop_map(|(attribute, operator, value)| format!("{attribute} {operator} {value}")),
        ];
        leaf.prop_recursive(4, 32, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} and {b}")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) or ({b})")),
                inner.clone().prop_map(|inner| format!("not ({inner})")),
                inner.prop_map(|inner| format!("emails[{inner}]")),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read_or_refused_and_never_worse(text in "\\PC{0,60}") {
            if let Ok(filter) = text.parse::<Filter>() {
                filter.fits(&user());
            }
            let _ = text.parse::<Path>();
        }

        #[test]
        fn signs_of_filters_in_any_order_are_read_or_refused(parts in prop::collection::vec(prop::sample::select(vec!["(", ")", "[", "]", "and", "or", "not", "eq", "pr", "a", "a.b", "\"x\"", "\"", ".c", "1", "true", "\\", "é"]), 0..20)) {
            let _ = parts.join(" ").parse::<Filter>();
            let _ = parts.concat().parse::<Path>();
        }

        #[test]
        fn a_filter_and_its_opposite_never_both_fit(filter in filters()) {
            let plain: Filter = filter.parse().unwrap();
            let not: Filter = format!("not ({filter})").parse().unwrap();
            prop_assert!(plain.fits(&user()) != not.fits(&user()), "{}", filter);
            // Brackets around the whole change nothing
            prop_assert_eq!(format!("({filter})").parse::<Filter>().unwrap(), plain);
        }
    }
}
