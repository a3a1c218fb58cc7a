//! `arn_account` and the other parts of an ARN: `arn:partition:service:region:account:resource`.
//!
//! A resource is `name`, `type/name` or `type:name`, as each service likes it
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>).

use super::arguments::Texts;
use super::scalar::{Definition, function};
use datafusion::arrow::array::StringArray;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use std::sync::Arc;

const CHAPTER: &str = "ARNs";

/// Services whose resources are names alone: what is behind a `/` or a `:` there is a key, or a subscription.
const UNTYPED: [&str; 3] = ["s3", "sns", "sqs"];

/// An ARN in its parts. A part that is empty is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Arn<'a> {
    partition: &'a str,
    service: &'a str,
    region: &'a str,
    account: &'a str,
    resource: &'a str,
}

impl<'a> Arn<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.strip_prefix("arn:")?.splitn(5, ':');
        let mut next = || parts.next();
        Some(Self {
            partition: next()?,
            service: next()?,
            region: next()?,
            account: next()?,
            resource: next()?,
        })
    }

    /// Whether a pattern of principals leaves the account open.
    pub(super) fn is_of_any_account(self) -> bool {
        self.account == "*" && ["iam", "sts", "*"].contains(&self.service)
    }

    /// Type and name of the resource. Without a type, all of it is the name.
    fn typed(self) -> (Option<&'a str>, &'a str) {
        // API Gateway writes `/restapis/a1b2`.
        let resource = self.resource.strip_prefix('/').unwrap_or(self.resource);
        // An access point has an account, a bucket has none.
        let is_untyped = UNTYPED.contains(&self.service) && (self.service != "s3" || self.account.is_empty());
        match resource.find(['/', ':']) {
            Some(at) if !is_untyped => (Some(&resource[..at]), &resource[at + 1..]),
            _ => (None, resource),
        }
    }
}

/// Whether a text is an account id.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The account of an ARN; an account id is its own.
pub(super) fn account(text: &str) -> Option<&str> {
    if is_account(text) {
        return Some(text);
    }
    // AWS's own policies have `aws` in its place.
    Arn::parse(text).map(|arn| arn.account).filter(|account| is_account(account))
}

macro_rules! part {
    ($name:ident, $doc:literal, $example:literal, $of:expr) => {
        pub(super) fn $name() -> Arc<ScalarUDF> {
            function(Definition {
                chapter: CHAPTER,
                call: concat!(stringify!($name), "(arn)"),
                doc: $doc,
                example: concat!(stringify!($name), "('", $example, "')"),
                returns: DataType::Utf8,
                body: |arguments, rows| {
                    let arns = Texts::new(&arguments[0])?;
                    let part = |row| arns.get(row).and_then($of).filter(|part: &&str| !part.is_empty());
                    Ok(Arc::new((0..rows).map(part).collect::<StringArray>()))
                },
            })
        }
    };
}

part!(
    arn_account,
    "The account of an ARN. An account id gives itself; NULL where there is none, as for buckets and for AWS's own \
     policies.",
    "arn:aws:iam::111122223333:role/deploy",
    account
);
part!(arn_partition, "The partition of an ARN.", "arn:aws-cn:iam::111122223333:user/li", |text| Arn::parse(
    text
)
.map(|arn| arn.partition));
part!(arn_service, "The service of an ARN.", "arn:aws:kms:eu-west-1:111122223333:key/0d8f", |text| {
    Arn::parse(text).map(|arn| arn.service)
});
part!(
    arn_region,
    "The region of an ARN; NULL for what is global.",
    "arn:aws:kms:eu-west-1:111122223333:key/0d8f",
    |text| Arn::parse(text).map(|arn| arn.region)
);
part!(
    arn_resource,
    "All that follows the account in an ARN.",
    "arn:aws:iam::111122223333:role/ops/deploy",
    |text| Arn::parse(text).map(|arn| arn.resource)
);
part!(
    arn_resource_type,
    "The type of the resource: what is before the first `/` or `:`. NULL for buckets, topics and queues, which have \
     none.",
    "arn:aws:iam::111122223333:role/ops/deploy",
    |text| Arn::parse(text).and_then(|arn| arn.typed().0)
);
part!(
    arn_resource_name,
    "The resource without its type, with its path.",
    "arn:aws:iam::111122223333:role/ops/deploy",
    |text| Arn::parse(text).map(|arn| arn.typed().1)
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn typed(text: &str) -> (Option<&str>, &str) {
        Arn::parse(text).unwrap().typed()
    }

    #[test]
    fn a_resource_has_a_type_where_its_service_writes_one() {
        for (text, expected) in [
            ("arn:aws:iam::111122223333:root", (None, "root")),
            ("arn:aws:iam::111122223333:role/ops/deploy", (Some("role"), "ops/deploy")),
            ("arn:aws:sts::111122223333:assumed-role/deploy/ada", (Some("assumed-role"), "deploy/ada")),
            ("arn:aws:lambda:eu-west-1:111122223333:function:f:7", (Some("function"), "f:7")),
            ("arn:aws:logs:eu-west-1:111122223333:log-group:/aws/x:*", (Some("log-group"), "/aws/x:*")),
            ("arn:aws:apigateway:eu-west-1::/restapis/a1b2", (Some("restapis"), "a1b2")),
            ("arn:aws:s3:::bucket/folder/key:1", (None, "bucket/folder/key:1")),
            ("arn:aws:s3:eu-west-1:111122223333:accesspoint/ap", (Some("accesspoint"), "ap")),
            ("arn:aws:sns:eu-west-1:111122223333:topic:0d8f", (None, "topic:0d8f")),
            ("arn:aws:sqs:eu-west-1:111122223333:queue", (None, "queue")),
            ("arn:::::", (None, "")),
        ] {
            assert_eq!(typed(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_arn_has_no_parts() {
        for text in ["", "arn", "arn:", "arn:aws:s3", "arn:aws:s3::", "ARN:aws:s3:::b", "111122223333", "é:"]
        {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
        assert_eq!(account("111122223333"), Some("111122223333"));
        assert_eq!(account("arn:aws:iam::aws:policy/AdministratorAccess"), None);
        assert_eq!(account("arn:aws:s3:::bucket"), None);
    }

    proptest! {
        #[test]
        fn parts_are_those_of_a_plain_split(text in "(arn:)?[a-z0-9:/é*-]{0,40}") {
            let words = text.split(':').collect::<Vec<_>>();
            let naive = (words[0] == "arn" && words.len() >= 6).then(|| {
                (words[1], words[2], words[3], words[4], words[5..].join(":"))
            });
            let parts = Arn::parse(&text).map(|arn| {
                let (kind, name) = arn.typed();
                prop_assert!(arn.resource.ends_with(name) && kind.is_none_or(|kind| arn.resource.contains(kind)));
                Ok((arn.partition, arn.service, arn.region, arn.account, arn.resource.to_owned()))
            });
            prop_assert_eq!(parts.transpose()?, naive);
        }
    }
}
