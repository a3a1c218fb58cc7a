//! A request that AWS gave no answer to → one line: why, and what to do.
//!
//! In: an error of the SDK, with its causes behind it. Out: the last cause, which is the one that people can act on, and
//! a hint; none of the debug output that the SDK would print.

use std::iter::successors;

/// Why `service` (`S3`, `SQS`) did not answer.
pub(crate) fn unanswered(service: &str, error: &dyn std::error::Error) -> String {
    let endpoint = [format!("AWS_ENDPOINT_URL_{service}"), "AWS_ENDPOINT_URL".to_owned()];
    let endpoint = endpoint.into_iter().find_map(|name| {
        let value = std::env::var(&name).ok().filter(|value| !value.is_empty())?;
        Some(format!("{name} is {value}"))
    });
    explain(service, error, endpoint.as_deref())
}

fn explain(service: &str, error: &dyn std::error::Error, endpoint: Option<&str>) -> String {
    // The trait is not in scope: it would find the `source` of a reference first.
    let causes = successors(Some(error), |error| error.source()).map(ToString::to_string);
    let causes = causes.collect::<Vec<_>>();
    let says = |word: &str| causes.iter().any(|cause| cause.to_lowercase().contains(word));
    let last = causes.iter().rev().find_map(|cause| cause.lines().find(|line| !line.trim().is_empty()));
    let last = last.unwrap_or("no reason is known");
    if says("no credentials found") {
        let hint =
            "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where there is a role";
        return format!("there are no AWS credentials\nhint: {hint}");
    }
    if says("credential") {
        return format!(
            "the AWS credentials cannot be had: {last}\nhint: `aws sts get-caller-identity` should work"
        );
    }
    if says("region") {
        return "no region is known\nhint: set AWS_REGION".to_owned();
    }
    let hint = match endpoint {
        Some(endpoint) => format!("{endpoint}: is that right, and does it run?"),
        None => "is there a way from here to AWS: a network, a proxy, a VPC endpoint?".to_owned(),
    };
    format!("no answer from {service}: {last}\nhint: {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Cause(&'static str, #[source] Option<Box<Cause>>);

    /// An error with such causes, from the outside in.
    fn error(causes: &[&'static str]) -> Cause {
        let (first, rest) = causes.split_first().unwrap();
        Cause(first, (!rest.is_empty()).then(|| Box::new(error(rest))))
    }

    #[test]
    fn the_last_cause_and_what_to_do() {
        let refused = error(&["dispatch failure", "io error", "Connection refused (os error 111)"]);
        let said = explain("SQS", &refused, Some("AWS_ENDPOINT_URL is http://127.0.0.1:9"));
        assert!(
            said.starts_with("no answer from SQS: Connection refused (os error 111)\nhint: AWS_ENDPOINT_URL")
        );
        assert!(explain("S3", &refused, None).contains("VPC endpoint"));
        let credentials =
            error(&["dispatch failure", "other", "no credentials found in chain. Attempted:\n  A: b"]);
        assert_eq!(explain("S3", &credentials, None).lines().count(), 2);
        let expired =
            error(&["dispatch failure", "an error occurred while loading credentials", "token expired"]);
        assert!(
            explain("S3", &expired, None).starts_with("the AWS credentials cannot be had: token expired\n")
        );
        let region = error(&["dispatch failure", "missing signing region"]);
        assert_eq!(explain("SQS", &region, None), "no region is known\nhint: set AWS_REGION");
    }
}
