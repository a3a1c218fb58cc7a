//! The family `dataprotect`.

use super::org::{HOME, PRODUCTION, person_named, person_session};
use super::{Planted, Random, call, on};
use serde_json::json;

/// Wednesday 15:20, production: a migration that has to be done by Friday.
///
/// Nobody attacks. Ines switches off what stands in the way of the tool that copies, and it stays off.
pub(crate) fn the_short_cut(planted: &mut Planted, random: &mut Random) {
    planted.begin("dataprotect", "the short cut");
    let who = person_session(person_named("ines.bauer"), false, random);
    let begin = on(18, 15, 20);
    let steps = [
        (
            0,
            "kinesis:StopStreamEncryption",
            json!({ "streamName": "orders", "encryptionType": "KMS", "keyId": "alias/orders-stream" }),
            "kinesis_encryption_stopped",
        ),
        (
            260,
            "rds:ModifyDBCluster",
            json!({ "dBClusterIdentifier": "ledger", "enableIAMDatabaseAuthentication": false, "applyImmediately": true, "allowMajorVersionUpgrade": false }),
            "db_iam_auth_or_tls_off",
        ),
        (
            700,
            "es:UpdateDomainConfig",
            json!({ "domainName": "catalogue", "domainEndpointOptions": { "enforceHTTPS": false } }),
            "search_domain_protection_changed",
        ),
        (
            930,
            "sns:SetTopicAttributes",
            json!({ "topicArn": format!("arn:aws:sns:{HOME}:{PRODUCTION}:orders"), "attributeName": "KmsMasterKeyId", "attributeValue": "" }),
            "sns_encryption_removed",
        ),
    ];
    for (after, action, request, rule) in steps {
        planted.plant(&[rule], call(&who, HOME, begin + after, action).request(request), random);
    }
}
