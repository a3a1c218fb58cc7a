//! Where a lake is: what a person wrote → its URL and how to reach it.
//!
//! In: a path or a URL, and the environment and profile that every AWS tool reads. Out: a URL that ends in a slash,
//! and the options of the storage. What must hold: nothing leaves the machine without TLS; with or without an
//! endpoint, credentials come from the whole chain (environment, profile, SSO, container, instance).

use super::error::LakeError;
use crate::patience::Patience;
use aws_config::BehaviorVersion;
use std::{collections::HashMap, path::Path, time::Duration};
use url::{Host, Url};

/// How often the storage layer tries a request again, at most; its pauses grow and are jittered, so time ends it first.
const RETRIES: &str = "1000";

/// How patient the storage layer is. A request has twice the silence from its first byte to its last, the answer
/// included. The layer tries again what may be tried again; not the conditional PUT of a commit, which is ours (`slot`).
fn options_of(patience: Patience) -> [(&'static str, String); 6] {
    let millis = |time: Duration| format!("{}ms", time.as_millis());
    [
        ("connect_timeout", millis(patience.connect())),
        ("timeout", millis(patience.silence * 2)),
        ("max_retries", RETRIES.to_owned()),
        ("retry_timeout", millis(patience.per_request())),
        ("backoff_config.init_backoff", "100ms".to_owned()),
        ("backoff_config.max_backoff", "10s".to_owned()),
    ]
}

/// A place and how to reach it.
#[derive(Clone, Debug)]
pub(super) struct Location {
    pub(super) url: Url,
    pub(super) options: HashMap<String, String>,
}

impl Location {
    /// Reads `text` and, for S3, the environment.
    pub(super) async fn resolve(text: &str) -> Result<Self, LakeError> {
        let url = lake_url(text)?;
        if url.scheme() == "file" {
            return Ok(Self { url, options: HashMap::new() });
        }
        let aws = Aws::from_environment().await;
        Ok(Self { url, options: aws.options()? })
    }
}

/// The URL of the lake that `text` names, a path or a URL; it ends in a slash, and a path becomes absolute.
///
/// # Errors
/// [`LakeError::BadUrl`], [`LakeError::IsAFile`] or [`LakeError::Folder`]. Whether there is a lake is not asked.
pub fn lake_url(text: &str) -> Result<Url, LakeError> {
    let bad = || LakeError::BadUrl { url: text.to_owned() };
    let Some((scheme, rest)) = text.split_once("://") else {
        return folder_url(Path::new(text)).ok_or_else(bad)?;
    };
    match scheme {
        "s3" | "s3a" => {
            let url = Url::parse(&format!("s3://{}/", rest.trim_end_matches('/'))).map_err(|_| bad())?;
            let is_plain = url.query().is_none() && url.fragment().is_none() && url.host_str().is_some();
            if is_plain { Ok(url) } else { Err(bad()) }
        }
        "file" => {
            let path = Url::parse(text).ok().and_then(|url| url.to_file_path().ok()).ok_or_else(bad)?;
            folder_url(&path).ok_or_else(bad)?
        }
        _ => Err(bad()),
    }
}

/// The URL of a folder, which need not exist; `None` if the path has none.
fn folder_url(path: &Path) -> Option<Result<Url, LakeError>> {
    let shown = path.display().to_string();
    if shown.is_empty() {
        return None;
    }
    if let Some(file) = path.ancestors().find(|above| above.is_file()) {
        return Some(Err(LakeError::IsAFile { path: file.display().to_string() }));
    }
    let absolute = path.canonicalize().or_else(|_| std::path::absolute(path));
    match absolute {
        Ok(absolute) => Url::from_directory_path(absolute).ok().map(Ok),
        Err(source) => Some(Err(LakeError::Folder { path: shown, source })),
    }
}

/// What the AWS environment says about S3.
#[derive(Default, Debug)]
struct Aws {
    region: Option<String>,
    endpoint: Option<String>,
}

impl Aws {
    /// Environment first, then the profile, as in every SDK: the endpoint of the service before the common one.
    async fn from_environment() -> Self {
        let sdk = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
        let ignored =
            variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|v| v.eq_ignore_ascii_case("true"));
        let of_s3 = variable("AWS_ENDPOINT_URL_S3").filter(|_| !ignored);
        Self {
            region: sdk.region().map(ToString::to_string),
            endpoint: of_s3.or_else(|| sdk.endpoint_url().map(str::to_owned)),
        }
    }

    /// The options as the storage layer names them.
    fn options(self) -> Result<HashMap<String, String>, LakeError> {
        // Without this, the storage layer stops asking the chain as soon as it sees an endpoint.
        let mut options = HashMap::from([("aws_force_credential_load".to_owned(), "true".to_owned())]);
        options.insert("aws_region".to_owned(), self.region.unwrap_or_else(|| "us-east-1".to_owned()));
        for (name, value) in options_of(Patience::of_process()) {
            options.insert(name.to_owned(), value);
        }
        let mut is_plain_http = false;
        if let Some(endpoint) = self.endpoint {
            is_plain_http = !is_tls(&endpoint)?;
            options.insert("aws_endpoint".to_owned(), endpoint);
        }
        options.insert("aws_allow_http".to_owned(), is_plain_http.to_string());
        Ok(options)
    }
}

/// Refuses an endpoint in the environment, the common one or that of `service` (`S3`, `SNS`), that would carry what we
/// send or read off this machine without TLS.
///
/// # Errors
/// [`LakeError::InsecureEndpoint`].
pub fn require_tls(service: &str) -> Result<(), LakeError> {
    let names = ["AWS_ENDPOINT_URL".to_owned(), format!("AWS_ENDPOINT_URL_{service}")];
    let endpoints = names.iter().filter_map(|name| std::env::var(name).ok()).filter(|text| !text.is_empty());
    endpoints.into_iter().try_for_each(|endpoint| is_tls(&endpoint).map(drop))
}

/// Whether an endpoint speaks TLS; plain HTTP is an error unless it stays on this machine.
fn is_tls(endpoint: &str) -> Result<bool, LakeError> {
    let url = Url::parse(endpoint).ok();
    match url.as_ref().map(|url| (url.scheme(), url.host())) {
        Some(("https", Some(_))) => Ok(true),
        Some(("http", Some(host))) if is_loopback(&host) => Ok(false),
        _ => Err(LakeError::InsecureEndpoint { endpoint: endpoint.to_owned() }),
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_end_in_a_slash() {
        for text in ["s3://logs/lake", "s3://logs/lake//", "s3a://logs/lake/"] {
            assert_eq!(lake_url(text).unwrap().as_str(), "s3://logs/lake/");
        }
        assert_eq!(lake_url("/no/such/place").unwrap().as_str(), "file:///no/such/place/");
        assert_eq!(lake_url("file:///no/such/place").unwrap().as_str(), "file:///no/such/place/");
        assert!(lake_url("lake").unwrap().as_str().ends_with("/lake/"));
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in ["", "gs://logs", "https://example.com/x", "s3://", "s3://logs?x=1"] {
            assert!(matches!(lake_url(text), Err(LakeError::BadUrl { .. })), "{text}");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = file.path().to_str().unwrap();
        assert!(matches!(lake_url(text), Err(LakeError::IsAFile { .. })));
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        for endpoint in ["http://127.0.0.1:4566", "http://localhost:9000/", "http://[::1]:1"] {
            let aws = Aws { endpoint: Some(endpoint.to_owned()), region: None };
            assert_eq!(aws.options().unwrap()["aws_allow_http"], "true");
        }
        for endpoint in ["http://10.0.0.1", "http://localhost.example.com", "127.0.0.1:4566"] {
            assert!(matches!(is_tls(endpoint), Err(LakeError::InsecureEndpoint { .. })), "{endpoint}");
        }
        assert_eq!(Aws::default().options().unwrap()["aws_allow_http"], "false");
        assert!(is_tls("https://s3.eu-west-1.amazonaws.com").unwrap());
    }
}
