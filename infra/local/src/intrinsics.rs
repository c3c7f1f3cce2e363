//! The short tags of CloudFormation (`!Ref`, `!Sub`, …) resolved to plain values.
//!
//! A reference to a resource, by name or by attribute, becomes the resource's logical name, or the binary of a function:
//! that is all the local stack needs to connect things. A parameter becomes its default.

use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;

use crate::aws::{ACCOUNT, REGION};

pub(crate) struct Intrinsics<'a> {
    document: &'a Yaml,
}

impl<'a> Intrinsics<'a> {
    pub(crate) fn new(document: &'a Yaml) -> Self {
        Self { document }
    }

    /// Name, type and text of every resource.
    pub(crate) fn resources(&self) -> impl Iterator<Item = (&'a str, &'a str, &'a Yaml)> + use<'a> {
        let resources = self.document.get("Resources").and_then(Yaml::as_mapping);
        resources.into_iter().flatten().filter_map(|(name, resource)| Some((name.as_str()?, resource.get("Type")?.as_str()?, resource)))
    }

    /// The name of a function's binary, which is what the function is called everywhere else.
    pub(crate) fn binary(&self, function: &str) -> Result<&'a str, String> {
        let find = |path: [&str; 5]| path.into_iter().try_fold(self.document, |value, key| value.get(key))?.as_str();
        find(["Resources", function, "Metadata", "BuildProperties", "Binary"])
            .ok_or_else(|| format!("{function} has no Metadata.BuildProperties.Binary"))
    }

    /// The value without tags, or why a tag in it means nothing.
    pub(crate) fn resolve(&self, value: &Yaml) -> Result<Value, String> {
        Ok(match value {
            Yaml::Tagged(tagged) => {
                let tag = tagged.tag.to_string();
                return self.apply(tag.trim_start_matches('!'), &tagged.value);
            }
            Yaml::Sequence(items) => items.iter().map(|item| self.resolve(item)).collect::<Result<_, _>>()?,
            Yaml::Mapping(entries) => {
                let mut object = Map::new();
                for (key, value) in entries {
                    let resolved = self.resolve(value)?;
                    // `AWS::NoValue`: as if the key were not there
                    if !resolved.is_null() {
                        object.insert(key.as_str().unwrap_or_default().to_owned(), resolved);
                    }
                }
                Value::Object(object)
            }
            plain => serde_json::to_value(plain).map_err(|error| error.to_string())?,
        })
    }

    fn apply(&self, tag: &str, value: &Yaml) -> Result<Value, String> {
        let wrong = || format!("!{tag} is not written as it should be");
        if tag == "If" {
            // Only the branch taken has to make sense
            let [Yaml::String(condition), then, otherwise] = sequence(value).ok_or_else(wrong)? else {
                return Err(wrong());
            };
            let branch = if self.holds(condition)? { then } else { otherwise };
            return self.resolve(branch);
        }
        let value = self.resolve(value)?;
        let array = value.as_array().map(Vec::as_slice);
        Ok(match (tag, &value, array) {
            ("Ref", Value::String(name), _) if name == "AWS::NoValue" => Value::Null,
            // `!Ref Function.Alias` is SAM's, and is the function here, which has one version
            ("Ref" | "GetAtt", Value::String(path), _) => self.reference(path.split('.').next().unwrap_or(path))?,
            ("GetAtt", _, Some([Value::String(name), _])) => self.reference(name)?,
            ("Sub", Value::String(text), _) => self.substitute(text)?,
            ("Not", _, Some([Value::Bool(truth)])) => Value::Bool(!truth),
            ("Equals", _, Some([left, right])) => Value::Bool(left == right),
            ("Condition", Value::String(name), _) => Value::Bool(self.holds(name)?),
            ("Select", _, Some([index, Value::Array(items)])) => {
                let index = index.as_u64().or_else(|| index.as_str()?.parse().ok());
                let item = index.and_then(|index| items.get(usize::try_from(index).ok()?));
                item.cloned().ok_or_else(wrong)?
            }
            ("Split", _, Some([Value::String(by), Value::String(text)])) => text.split(by.as_str()).collect(),
            ("Join", _, Some([Value::String(by), Value::Array(items)])) => {
                let items: Vec<_> = items.iter().filter_map(Value::as_str).collect();
                Value::String(items.join(by))
            }
            _ => return Err(wrong()),
        })
    }

    fn holds(&self, condition: &str) -> Result<bool, String> {
        let definition = self.document.get("Conditions").and_then(|conditions| conditions.get(condition));
        let definition = definition.ok_or_else(|| format!("there is no condition {condition}"))?;
        let holds = self.resolve(definition)?.as_bool();
        holds.ok_or_else(|| format!("the condition {condition} is neither true nor false"))
    }

    fn reference(&self, name: &str) -> Result<Value, String> {
        let pseudo = match name {
            "AWS::Region" => REGION,
            "AWS::AccountId" => ACCOUNT,
            "AWS::Partition" => "aws",
            "AWS::URLSuffix" => "amazonaws.com",
            "AWS::StackName" => "local",
            _ => "",
        };
        let default = || self.document.get("Parameters")?.get(name)?.get("Default");
        let resource = || self.resources().find(|(other, ..)| *other == name);
        if !pseudo.is_empty() {
            Ok(pseudo.into())
        } else if let Some(default) = default() {
            self.resolve(default)
        } else if let Some((_, kind, _)) = resource() {
            Ok(if kind == "AWS::Serverless::Function" { self.binary(name)?.into() } else { name.into() })
        } else {
            Err(format!("there is no parameter or resource {name}"))
        }
    }

    fn substitute(&self, text: &str) -> Result<Value, String> {
        let mut parts = text.split("${");
        let mut result = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').ok_or_else(|| format!("a brace is open in {text:?}"))?;
            let value = self.reference(name.split('.').next().unwrap_or(name))?;
            match value {
                Value::String(value) => result.push_str(&value),
                other => result.push_str(&other.to_string()),
            }
            result.push_str(rest);
        }
        Ok(Value::String(result))
    }
}

fn sequence(value: &Yaml) -> Option<&[Yaml]> {
    value.as_sequence().map(Vec::as_slice)
}
