//! Countries and autonomous systems, from files that the tests write themselves.

use crate::mmdb;
use crate::product::{json, run, text, trailhound};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use trailhound::functions::geoip::Geoip;

/// A file like `GeoLite2-City`: the country stands between other members.
fn cities(dir: &Path) -> PathBuf {
    let record = |city: &str, country: &str| json!({"city": {"names": {"en": city}}, "country": {"geoname_id": 7, "iso_code": country}, "location": {"x": 1}});
    let records = [
        ("198.51.100.0/25", record("Gent", "BE")),
        ("198.51.100.128/25", record("A city with a name that is rather long", "NL")),
        ("203.0.113.0/24", json!({"registered_country": {"iso_code": "US"}})),
        ("2001:db8::/32", record("Wien", "AT")),
    ];
    mmdb::write(dir, "Test-City.mmdb", &records)
}

/// A file like `GeoLite2-ASN`.
fn systems(dir: &Path) -> PathBuf {
    let record = |number: u32, name: &str| json!({"autonomous_system_number": number, "autonomous_system_organization": name});
    let records = [
        ("198.51.100.0/24", record(64_500, "Example Telecom")),
        ("203.0.113.0/24", record(4_200_000_001, "Example Hosting")),
        ("2001:db8:7::/48", json!({"autonomous_system_number": 64_501})),
    ];
    mmdb::write(dir, "Test-ASN.mmdb", &records)
}

/// A lake of one sign-in from each address.
fn lake(dir: &Path, addresses: &[&str]) {
    let records = addresses.iter().enumerate().map(|(number, address)| {
        json!({"eventVersion": "1.11", "eventID": format!("e-{number}"), "eventTime": "2026-03-17T09:00:00Z",
               "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "awsRegion": "us-east-1",
               "recipientAccountId": "111122223333", "sourceIPAddress": address,
               "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ada"}})
    });
    fs::write(dir.join("log.json"), records.map(|record| record.to_string()).collect::<Vec<_>>().join("\n"))
        .unwrap();
    run(&mut command(dir, &["ingest", "log.json", "--lake", "lake"]));
}

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = trailhound(args);
    command.current_dir(dir);
    command
}

const QUERY: &str = "select sourceIPAddress as ip, country(sourceIPAddress) as country, asn(sourceIPAddress) as asn, \
                     as_org(sourceIPAddress) as org from cloudtrail order by eventID";

const ADDRESSES: [&str; 7] = [
    "198.51.100.7",
    "198.51.100.200",
    "203.0.113.9",
    "2001:db8:7::1",
    "192.0.2.1",
    "signin.amazonaws.com",
    "::ffff:198.51.100.7",
];

/// What both files say of [`ADDRESSES`]; a NULL is not printed.
fn expected() -> Value {
    json!([
        {"ip": "198.51.100.7", "country": "BE", "asn": 64_500, "org": "Example Telecom"},
        {"ip": "198.51.100.200", "country": "NL", "asn": 64_500, "org": "Example Telecom"},
        {"ip": "203.0.113.9", "asn": 4_200_000_001_u32, "org": "Example Hosting"},
        {"ip": "2001:db8:7::1", "country": "AT", "asn": 64_501},
        {"ip": "192.0.2.1"},
        {"ip": "signin.amazonaws.com"},
        {"ip": "::ffff:198.51.100.7", "country": "BE", "asn": 64_500, "org": "Example Telecom"},
    ])
}

#[test]
fn a_file_is_named_by_flag_variable_or_settings() {
    let dir = tempfile::tempdir().unwrap();
    lake(dir.path(), &ADDRESSES);
    let (cities, systems) = (cities(dir.path()), systems(dir.path()));
    let ask = ["sql", QUERY, "--lake", "lake", "--format", "json"];
    let nothing = json(&mut command(dir.path(), &ask));
    assert!(nothing.as_array().unwrap().iter().all(|row| row["country"].is_null() && row["asn"].is_null()));

    let mut flags = command(dir.path(), &ask);
    flags.arg("--geoip").arg(&cities).arg("--geoip").arg(&systems);
    assert_eq!(json(&mut flags), expected());

    let mut variable = command(dir.path(), &ask);
    variable.env("TRAILHOUND_GEOIP", format!("{},{}", systems.display(), cities.display()));
    assert_eq!(json(&mut variable), expected());

    fs::write(dir.path().join("trailhound.toml"), "geoip = ['Test-City.mmdb', 'Test-ASN.mmdb']\n").unwrap();
    assert_eq!(json(&mut command(dir.path(), &ask)), expected());

    // One half alone.
    let mut half = command(dir.path(), &ask);
    let half = json(half.arg("--geoip").arg(&systems));
    assert_eq!((&half[0]["country"], &half[0]["asn"]), (&Value::Null, &json!(64_500)));
}

#[test]
fn a_bad_file_is_one_line() {
    let dir = tempfile::tempdir().unwrap();
    lake(dir.path(), &ADDRESSES[..1]);
    fs::write(dir.path().join("text.mmdb"), "not a database").unwrap();
    fs::write(dir.path().join("empty.mmdb"), "").unwrap();
    let hosts = json!({"is_hosting_provider": 1});
    mmdb::write(dir.path(), "Anonymous-IP.mmdb", &[("198.51.100.0/24", hosts)]);
    let whole = fs::read(cities(dir.path())).unwrap();
    fs::write(dir.path().join("cut.mmdb"), &whole[..whole.len() / 2]).unwrap();
    for (file, told) in [
        ("none.mmdb", "No such file"),
        ("text.mmdb", "it is no MaxMind database"),
        ("empty.mmdb", "it is no MaxMind database"),
        ("cut.mmdb", "it is no MaxMind database"),
        ("Anonymous-IP.mmdb", "\"Anonymous-IP.mmdb\" has neither countries nor autonomous systems"),
    ] {
        for verb in
            [&["sql", "select 1", "--lake", "lake"][..], &["detect", "--lake", "lake"], &["rules", "list"]]
        {
            let output = run(command(dir.path(), verb).args(["--geoip", file]));
            let stderr = text(&output.stderr);
            assert_eq!((output.status.code(), stderr.lines().count()), (Some(2), 1), "{stderr}");
            let start = format!("error: cannot use {file} for country and asn: ");
            assert!(stderr.starts_with(&start) && stderr.contains(told), "{stderr}");
        }
        // Who reads no addresses needs no file.
        let output = run(command(dir.path(), &["lake", "info", "--lake", "lake"]).args(["--geoip", file]));
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
}

/// A rule that cannot do without a country, and one that needs autonomous systems.
fn rules(dir: &Path) {
    let rule = |id: &str, needs: &str, predicate: &str| {
        format!(
            r#"
id = "{id}"
title = "Sign-in from elsewhere"
kind = "match"
severity = "high"
status = "stable"
version = 1
description = "x"
runbook = "x"
needs = ["{needs}"]
events = ["signin:ConsoleLogin"]
where = "{predicate}"
alert = "{{actor}} signed in from {{place}}"
[fields]
place = "concat(country(sourceIPAddress), ' ', as_org(sourceIPAddress))"
[[test]]
name = "from elsewhere"
fires = true
events = '{{"sourceIPAddress": "198.51.100.7"}}'
[[test]]
name = "from home"
fires = false
events = '{{"sourceIPAddress": "2001:db8::1"}}'
"#
        )
    };
    fs::create_dir_all(dir.join("rules/signin")).unwrap();
    let by_country = rule("login_country", "geoip:country", "NOT in_list(country(sourceIPAddress), 'AT')");
    fs::write(dir.join("rules/signin/login_country.toml"), by_country).unwrap();
    let by_system = rule("login_system", "geoip", "asn(sourceIPAddress) = 64500");
    fs::write(dir.join("rules/signin/login_system.toml"), by_system).unwrap();
}

#[test]
fn a_rule_without_its_file_is_said_to_be_blind() {
    let dir = tempfile::tempdir().unwrap();
    lake(dir.path(), &["198.51.100.7", "2001:db8::1"]);
    rules(dir.path());
    let (cities, systems) = (cities(dir.path()), systems(dir.path()));
    for (file, blind) in [
        (None, Some("warning: 2 of 2 rules are blind without a GeoIP file: login_country, login_system\n")),
        (Some(&systems), Some("warning: 1 of 2 rules are blind without a GeoIP file: login_country\n")),
        (Some(&cities), None),
    ] {
        let mut list = command(dir.path(), &["rules", "list", "--rules", "rules"]);
        let stderr = text(&run(list.args(file.iter().flat_map(|file| [Path::new("--geoip"), file]))).stderr);
        assert_eq!(blind.is_some(), stderr.contains("blind"), "{stderr}");
        assert!(stderr.contains(blind.unwrap_or_default()), "{stderr}");
    }
    let skipped = run(&mut command(dir.path(), &["rules", "test", "--rules", "rules"]));
    let stderr = text(&skipped.stderr);
    assert_eq!(skipped.status.code(), Some(0), "{stderr}");
    assert!(
        stderr.contains("SKIPPED: login_country (needs geoip:country") && stderr.contains("0 failed"),
        "{stderr}"
    );
    let both = |verb: &[&str]| {
        let mut command = command(dir.path(), verb);
        command.args(["--rules", "rules", "--geoip"]).arg(&cities).arg("--geoip").arg(&systems);
        run(&mut command)
    };
    let output = both(&["rules", "test"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let output = both(&["detect", "--lake", "lake", "--format", "json"]);
    let findings = serde_json::from_slice::<Value>(&output.stdout).unwrap();
    let alerts = findings.as_array().unwrap().iter().map(|finding| finding["alert"].as_str().unwrap());
    let expected = "arn:aws:iam::111122223333:user/ada signed in from BE Example Telecom";
    assert_eq!(alerts.collect::<Vec<_>>(), [expected; 2]);
    assert!(!text(&output.stderr).contains("blind"), "{}", text(&output.stderr));
}

#[test]
fn a_file_that_is_cut_or_damaged_is_refused_or_read_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let whole = fs::read(cities(dir.path())).unwrap();
    let path = dir.path().join("bad.mmdb");
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(Geoip::open(std::slice::from_ref(&path)).is_err(), "{length} of {} bytes", whole.len());
    }
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        fs::write(&path, damaged).unwrap();
        // It must come back, whatever it says.
        let _ = Geoip::open(std::slice::from_ref(&path));
    }
}
