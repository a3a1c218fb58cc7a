//! The family `abuse`.

use super::login::LATER;
use super::org::{SECURITY, user};
use super::{Planted, Random, call, on};
use serde_json::json;

const MODEL: &str = "anthropic.claude-sonnet-4-20250514-v1:0";

/// Saturday 21:15, management: the key that was made on Monday pays for other people's questions.
pub(crate) fn other_peoples_questions(planted: &mut Planted, random: &mut Random) {
    planted.begin("abuse", "other people's questions");
    let agent =
        "aws-sdk-js/3.600.0 ua/2.0 os/linux#5.15 lang/js md/nodejs#20.11.1 api/bedrock-runtime#3.600.0";
    let who = user(SECURITY, "press-archive", LATER, "203.0.113.15", agent);
    let begin = on(21, 21, 15);
    let looked = call(&who, "us-east-1", begin, "bedrock:ListFoundationModels");
    planted.plant(&["bedrock_llmjacking_chain", "access_key_new_network"], looked, random);
    let log = call(&who, "us-east-1", begin + 4, "bedrock:GetModelInvocationLoggingConfiguration");
    planted.plant(&["bedrock_recon"], log, random);
    let steps = [
        ("bedrock:GetFoundationModelAvailability", json!({ "modelId": MODEL })),
        ("bedrock:PutUseCaseForModelAccess", json!({ "formData": "HIDDEN_DUE_TO_SECURITY_REASONS" })),
        ("bedrock:CreateFoundationModelAgreement", json!({ "modelId": MODEL })),
        ("bedrock:PutFoundationModelEntitlement", json!({ "modelId": MODEL })),
    ];
    for (step, (action, request)) in (1..).zip(steps) {
        let made = call(&who, "us-east-1", begin + step * 11, action).request(request);
        let rules: &[_] = match step {
            1 => &["bedrock_llmjacking_chain", "bedrock_recon"],
            _ => &["bedrock_llmjacking_chain"],
        };
        planted.plant(rules, made, random);
    }
    for question in 0..12 {
        let made =
            call(&who, "us-east-1", begin + 120 + question * 37, "bedrock:InvokeModelWithResponseStream")
                .request(json!({ "modelId": MODEL }))
                .with("readOnly", json!(true));
        planted.plant(&["bedrock_llmjacking_chain"], made, random);
    }
}
