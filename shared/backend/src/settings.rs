//! What a function is told by its environment, read once.

use std::collections::BTreeMap;

/// The environment variables of `template.yaml`, and the endpoints of a local stack.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    values: BTreeMap<String, String>,
}

impl Settings {
    pub fn from_env() -> Self {
        std::env::vars().collect::<BTreeMap<_, _>>().into()
    }

    /// The value of a variable the template sets; empty when it does not, so that the call that needs it fails by name.
    pub fn get(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// Where a service is, if not where AWS has it: as the SDKs of all languages read it.
    pub fn endpoint(&self, service: &str) -> Option<&str> {
        self.find(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| self.find("AWS_ENDPOINT_URL"))
    }

    pub fn region(&self) -> &str {
        self.find("AWS_REGION").unwrap_or("eu-central-1")
    }

    pub fn find(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl From<BTreeMap<String, String>> for Settings {
    fn from(values: BTreeMap<String, String>) -> Self {
        Self { values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_s_own_endpoint_goes_before_the_one_for_all() {
        let pairs = [("AWS_ENDPOINT_URL", "http://all"), ("AWS_ENDPOINT_URL_S3", "http://files"), ("AWS_ENDPOINT_URL_SQS", "")];
        let settings =
            Settings::from(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect::<BTreeMap<_, _>>());
        assert_eq!(settings.endpoint("S3"), Some("http://files"));
        assert_eq!(settings.endpoint("SQS"), Some("http://all"));
        assert_eq!(Settings::default().endpoint("S3"), None);
    }
}
