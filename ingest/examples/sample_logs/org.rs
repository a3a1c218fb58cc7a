//! The company: accounts, regions, people, roles, and how CloudTrail names those who act.
//!
//! Everything is invented; addresses are from the ranges for documentation (RFC 5737).

use super::random::Random;
use serde_json::{Value, json};

pub(crate) const ORGANISATION: &str = "o-exampleorg1";
pub(crate) const SECURITY: &str = "111122223333";
pub(crate) const PRODUCTION: &str = "222233334444";
pub(crate) const DEVELOPMENT: &str = "333344445555";
pub(crate) const ARCHIVE: &str = "444455556666";
/// Nobody knows this account.
pub(crate) const STRANGER: &str = "999988887777";

pub(crate) const REGIONS: [&str; 5] = ["us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1"];
/// Where the company works.
pub(crate) const HOME: &str = "eu-west-1";

/// A person: name, address of the office or home, hour (UTC) at which the day begins, account they work in most.
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) address: &'static str,
    pub(crate) begins: i64,
    pub(crate) account: &'static str,
    pub(crate) role: &'static str,
}

const fn person(
    name: &'static str,
    address: &'static str,
    begins: i64,
    account: &'static str,
    role: &'static str,
) -> Person {
    Person { name, address, begins, account, role }
}

pub(crate) const PEOPLE: [Person; 14] = [
    person("amelie.roux", "192.0.2.10", 8, PRODUCTION, "OperatorAccess"),
    person("bela.nagy", "192.0.2.10", 8, DEVELOPMENT, "DeveloperAccess"),
    person("carla.mendes", "192.0.2.10", 7, DEVELOPMENT, "DeveloperAccess"),
    person("dmitri.volk", "192.0.2.11", 9, DEVELOPMENT, "DeveloperAccess"),
    person("ewa.lis", "192.0.2.11", 8, SECURITY, "AuditorAccess"),
    person("fatou.diop", "192.0.2.11", 8, PRODUCTION, "OperatorAccess"),
    person("goran.ilic", "192.0.2.12", 9, DEVELOPMENT, "DeveloperAccess"),
    person("hana.sato", "198.51.100.20", 14, DEVELOPMENT, "DeveloperAccess"),
    person("ines.bauer", "198.51.100.20", 15, PRODUCTION, "OperatorAccess"),
    person("jonas.lund", "198.51.100.21", 14, DEVELOPMENT, "DeveloperAccess"),
    person("kofi.mensah", "198.51.100.21", 15, ARCHIVE, "AnalystAccess"),
    person("léa.moreau", "192.0.2.12", 8, ARCHIVE, "AnalystAccess"),
    person("mara.holt", "192.0.2.14", 8, PRODUCTION, "AdministratorAccess"),
    person("nils.berg", "198.51.100.22", 13, SECURITY, "AuditorAccess"),
];

/// The person of that name.
pub(crate) fn person_named(name: &str) -> &'static Person {
    PEOPLE.iter().find(|person| person.name == name).unwrap_or(&PEOPLE[0])
}

/// Someone or something that acts: what CloudTrail writes as `userIdentity`, from where, with what.
#[derive(Clone)]
pub(crate) struct Actor {
    pub(crate) account: String,
    pub(crate) identity: Value,
    pub(crate) address: String,
    pub(crate) agent: String,
}

const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0.0.0 Safari/537.36";
const CLI: &str = "aws-cli/2.24.5 md/awscrt#0.23.8 ua/2.0 os/linux#6.8.0 md/arch#x86_64 lang/python#3.12.9";

/// A session of `role` in `account`.
pub(crate) fn role(
    account: &str,
    path: &str,
    role: &str,
    session: &str,
    address: &str,
    agent: &str,
    random: &mut Random,
) -> Actor {
    let id = format!("AROA{}", random.letters(17));
    let key = format!("ASIA{}EXAMPLE", random.letters(9));
    let identity = json!({
        "type": "AssumedRole",
        "principalId": format!("{id}:{session}"),
        "arn": format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"),
        "accountId": account,
        "accessKeyId": key,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": id,
                "arn": format!("arn:aws:iam::{account}:role/{path}{role}"),
                "accountId": account,
                "userName": role,
            },
            "attributes": { "creationDate": "2026-03-17T00:00:00Z", "mfaAuthenticated": "false" },
        },
    });
    Actor { account: account.to_owned(), identity, address: address.to_owned(), agent: agent.to_owned() }
}

/// A person who came through IAM Identity Center.
pub(crate) fn person_session(person: &Person, in_console: bool, random: &mut Random) -> Actor {
    let set = format!("AWSReservedSSO_{}_0123456789abcdef", person.role);
    let path = "aws-reserved/sso.amazonaws.com/eu-west-1/";
    let session = format!("{}@example.com", person.name);
    let agent = if in_console { BROWSER } else { CLI };
    role(person.account, path, &set, &session, person.address, agent, random)
}

/// `actor`, in a browser.
pub(crate) fn browser(mut actor: Actor) -> Actor {
    BROWSER.clone_into(&mut actor.agent);
    actor
}

/// A service of AWS at work.
pub(crate) fn service(account: &str, service: &str) -> Actor {
    Actor {
        account: account.to_owned(),
        identity: json!({ "type": "AWSService", "invokedBy": service }),
        address: service.to_owned(),
        agent: service.to_owned(),
    }
}

/// `actor`, through a service that acts in its name.
pub(crate) fn through(mut actor: Actor, service: &str) -> Actor {
    actor.identity["invokedBy"] = json!(service);
    service.clone_into(&mut actor.address);
    service.clone_into(&mut actor.agent);
    actor
}

/// A user with a stored key.
pub(crate) fn user(account: &str, name: &str, key: &str, address: &str, agent: &str) -> Actor {
    let identity = json!({
        "type": "IAMUser",
        "principalId": format!("AIDA{:A<17}", name.to_uppercase().replace('-', "")),
        "arn": format!("arn:aws:iam::{account}:user/{name}"),
        "accountId": account,
        "accessKeyId": key,
        "userName": name,
    });
    Actor { account: account.to_owned(), identity, address: address.to_owned(), agent: agent.to_owned() }
}

/// The root user, with a stored key or a console session.
pub(crate) fn root(account: &str, key: &str, address: &str) -> Actor {
    let mut identity = json!({
        "type": "Root",
        "principalId": account,
        "arn": format!("arn:aws:iam::{account}:root"),
        "accountId": account,
        "accessKeyId": key,
    });
    if key.starts_with("ASIA") {
        identity["sessionContext"] =
            json!({ "attributes": { "creationDate": "2026-03-17T02:05:11Z", "mfaAuthenticated": "false" } });
    }
    let agent = if key.starts_with("AKIA") { CLI } else { BROWSER };
    Actor { account: account.to_owned(), identity, address: address.to_owned(), agent: agent.to_owned() }
}
