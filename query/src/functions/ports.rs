//! `sg_world_ports`, `any_port_in`, `any_port_outside`: what a security group opens to the world.
//!
//! Ports are written as people do: `22`, or `8000-8100`.

use super::arguments::{Lists, Texts};
use super::scalar::{Definition, function, text_list, truths};
use datafusion::arrow::array::{ListBuilder, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use serde_json::{Map, Value};
use std::sync::Arc;

const CHAPTER: &str = "Security groups";

pub(super) fn sg_world_ports() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "sg_world_ports(requestParameters)",
        doc: "The ports that a call opens to all addresses (any `/0`), as a list of `22` or `8000-8100`; protocol -1 \
              opens `0-65535`, and ICMP has none. It reads `AuthorizeSecurityGroupIngress` in its flat form and with \
              `ipPermissions`, `ModifySecurityGroupRules`, and the `securityGroupRuleSet` of responses.",
        example: r#"sg_world_ports('{"ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]}}]}}')"#,
        returns: text_list(),
        body: |arguments, rows| {
            let documents = Texts::new(&arguments[0])?;
            let mut out = ListBuilder::new(StringBuilder::new());
            for row in 0..rows {
                let spans = documents.get(row).map(world_ports).unwrap_or_default();
                out.append_value(spans.iter().map(|span| Some(span.to_string())));
            }
            Ok(Arc::new(out.finish()))
        },
    })
}

pub(super) fn any_port_in() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "any_port_in(ranges, ports)",
        doc: "Whether one of the ports is in one of the ranges. Both are lists of `22` or `8000-8100`.",
        example: "any_port_in(make_array('0-1023'), make_array('22', '3389'))",
        returns: DataType::Boolean,
        body: |arguments, rows| {
            let (ranges, ports) = (Lists::new(&arguments[0])?, Lists::new(&arguments[1])?);
            truths(rows, |row| {
                let ports = ports.items(row).filter_map(Ports::parse).collect::<Vec<_>>();
                let mut ranges = ranges.items(row).filter_map(Ports::parse);
                ranges.any(|range| {
                    ports.iter().any(|port| range.first <= port.last && port.first <= range.last)
                })
            })
        },
    })
}

pub(super) fn any_port_outside() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "any_port_outside(ranges, ports)",
        doc: "Whether a port in one of the ranges is not among the ports. Both are lists of `22` or `8000-8100`.",
        example: "any_port_outside(make_array('443-8443'), make_array('80', '443'))",
        returns: DataType::Boolean,
        body: |arguments, rows| {
            let (ranges, ports) = (Lists::new(&arguments[0])?, Lists::new(&arguments[1])?);
            truths(rows, |row| {
                let mut ports = ports.items(row).filter_map(Ports::parse).collect::<Vec<_>>();
                ports.sort_unstable();
                ranges.items(row).filter_map(Ports::parse).any(|range| !is_covered(range, &ports))
            })
        },
    })
}

/// From the first port to the last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Ports {
    first: u16,
    last: u16,
}

const ALL: Ports = Ports { first: 0, last: u16::MAX };

impl std::fmt::Display for Ports {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.first == self.last {
            return write!(out, "{}", self.first);
        }
        write!(out, "{}-{}", self.first, self.last)
    }
}

impl Ports {
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first <= last).then_some(Self { first, last })
    }
}

/// Whether all of a range is among `ports`, which are in order.
fn is_covered(range: Ports, ports: &[Ports]) -> bool {
    // The first port of the range that is not covered yet.
    let mut next = range.first;
    for port in ports {
        if port.last < next {
            continue;
        }
        if port.first > next {
            return false;
        }
        match port.last.checked_add(1) {
            Some(after) if after <= range.last => next = after,
            _ => return true,
        }
    }
    false
}

/// What of a rule stands above its networks.
#[derive(Clone, Copy, Default)]
struct Rule<'a> {
    protocol: Option<&'a Value>,
    from: Option<&'a Value>,
    to: Option<&'a Value>,
}

fn world_ports(document: &str) -> Vec<Ports> {
    let mut found = Vec::new();
    if let Ok(document) = serde_json::from_str::<Value>(document) {
        walk(&document, Rule::default(), &mut found);
    }
    found
}

/// All shapes have protocol and ports in the object of a network or in one above it: the nearest counts. Letter case
/// differs from shape to shape.
fn walk<'a>(value: &'a Value, above: Rule<'a>, found: &mut Vec<Ports>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, above, found)),
        Value::Object(members) => {
            let rule = nearest(members, above);
            for (key, value) in members {
                let is_network =
                    ["cidrip", "cidripv4", "cidripv6"].contains(&key.to_ascii_lowercase().as_str());
                match value.as_str() {
                    Some(network) if is_network && network.ends_with("/0") => {
                        found.extend(opened(rule).filter(|ports| !found.contains(ports)));
                    }
                    _ => walk(value, rule, found),
                }
            }
        }
        _ => {}
    }
}

fn nearest<'a>(members: &'a Map<String, Value>, above: Rule<'a>) -> Rule<'a> {
    let member = |name: &str| {
        members.iter().find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null()).map(|(_, v)| v)
    };
    let own = Rule { protocol: member("ipProtocol"), from: member("fromPort"), to: member("toPort") };
    let is_rule = own.protocol.is_some() || own.from.is_some() || own.to.is_some();
    if is_rule { own } else { above }
}

/// The ports of a rule; with a protocol other than TCP, UDP and ICMP they do not count, and all are open
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html>).
fn opened(rule: Rule<'_>) -> Option<Ports> {
    let protocol = rule.protocol.map(|protocol| match protocol {
        Value::String(text) => text.to_ascii_lowercase(),
        other => other.to_string(),
    });
    match protocol.as_deref() {
        Some("icmp" | "icmpv6" | "1" | "58") => None,
        None | Some("tcp" | "udp" | "6" | "17") => {
            let (from, to) = (rule.from.and_then(number), rule.to.and_then(number));
            let Some(first) = from.or(to) else { return Some(ALL) };
            Some(Ports { first, last: to.unwrap_or(first).max(first) })
        }
        Some(_) => Some(ALL),
    }
}

/// A port; -1 means all, and is none.
fn number(value: &Value) -> Option<u16> {
    match value {
        Value::Number(number) => u16::try_from(number.as_i64()?).ok(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(document: &str) -> String {
        world_ports(document).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_shape_of_a_rule_is_read() {
        for (document, expected) in [
            (
                r#"{"groupId":"sg-1","ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIp":"0.0.0.0/0","ipPermissions":{}}"#,
                "22",
            ),
            (
                r#"{"ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":8000,"toPort":8100,"groups":{},"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"},{"cidrIp":"0.0.0.0/0","description":"x"}]},"ipv6Ranges":{},"prefixListIds":{}},{"ipProtocol":"udp","fromPort":53,"toPort":53,"ipRanges":{"items":[{"cidrIp":"192.0.2.0/24"}]},"ipv6Ranges":{"items":[{"cidrIpv6":"::/0"}]}}]}}"#,
                "8000-8100 53",
            ),
            (
                r#"{"ModifySecurityGroupRulesRequest":{"GroupId":"sg-1","SecurityGroupRule":{"SecurityGroupRuleId":"sgr-1","SecurityGroupRule":{"CidrIpv4":"0.0.0.0/0","IpProtocol":"tcp","FromPort":3389,"ToPort":3389}}}}"#,
                "3389",
            ),
            (
                r#"{"ModifySecurityGroupRulesRequest":{"SecurityGroupRule":[{"SecurityGroupRule":{"CidrIpv4":"10.0.0.0/8","IpProtocol":"tcp","FromPort":22,"ToPort":22}},{"SecurityGroupRule":{"CidrIpv6":"::/0","IpProtocol":"-1","FromPort":-1,"ToPort":-1}}]}}"#,
                "0-65535",
            ),
            (
                r#"{"securityGroupRuleSet":{"items":[{"isEgress":false,"ipProtocol":"tcp","fromPort":443,"toPort":443,"cidrIpv4":"0.0.0.0/0"}]}}"#,
                "443",
            ),
            // A capture that was made anonymous.
            (
                r#"{"ipPermissions":{"items":[{"ipProtocol":"6","fromPort":"22","toPort":"22","ipRanges":{"items":[{"cidrIp":"208.236.235.254/0"}]}}]}}"#,
                "22",
            ),
        ] {
            assert_eq!(found(document), expected, "{document}");
        }
    }

    #[test]
    fn what_a_protocol_opens() {
        let with = |rule: &str| found(&format!(r#"{{{rule}"cidrIp":"0.0.0.0/0"}}"#));
        assert_eq!(with(r#""ipProtocol":"-1","#), "0-65535");
        assert_eq!(with(r#""ipProtocol":-1,"fromPort":22,"toPort":22,"#), "0-65535");
        assert_eq!(with(r#""ipProtocol":"47","fromPort":1,"toPort":2,"#), "0-65535");
        assert_eq!(with(r#""ipProtocol":"icmp","fromPort":8,"toPort":-1,"#), "");
        assert_eq!(with(r#""ipProtocol":"tcp","fromPort":-1,"toPort":-1,"#), "0-65535");
        assert_eq!(with(r#""ipProtocol":"TCP","fromPort":25,"#), "25");
        assert_eq!(with(""), "0-65535");
        assert_eq!(found(r#"{"cidrIp":"0.0.0.0/0","cidrIpv6":"::/0","fromPort":1,"toPort":1}"#), "1");
    }

    #[test]
    fn what_is_no_call_opens_nothing() {
        for document in
            ["", "null", "[]", "{", "\"0.0.0.0/0\"", r#"{"cidrIp":["0.0.0.0/0"]}"#, r#"{"cidrIp":7}"#]
        {
            assert_eq!(found(document), "", "{document}");
        }
        assert_eq!(found(&format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000))), "");
    }

    #[test]
    fn a_range_is_covered_by_neighbours() {
        let ports = |text: &str| text.split(' ').filter_map(Ports::parse).collect::<Vec<_>>();
        assert!(is_covered(Ports { first: 80, last: 82 }, &ports("80 81-90")));
        assert!(!is_covered(Ports { first: 80, last: 443 }, &ports("80 443")));
        assert!(is_covered(ALL, &ports("0-65535")) && !is_covered(ALL, &ports("1-65535")));
        assert_eq!(ports("70000 5-4 x -1 1- 3"), [Ports { first: 3, last: 3 }]);
    }

    fn ranges() -> impl Strategy<Value = Vec<Ports>> {
        let range = (0u16..40, 0u16..6).prop_map(|(first, more)| Ports { first, last: first + more });
        prop::collection::vec(range, 0..8)
    }

    proptest! {
        #[test]
        fn covered_is_covered_port_by_port(range in (0u16..40, 0u16..20), mut ports in ranges()) {
            let range = Ports { first: range.0, last: range.0 + range.1 };
            let is_among = |port| ports.iter().any(|ports| (ports.first..=ports.last).contains(&port));
            let naive = (range.first..=range.last).all(is_among);
            ports.sort_unstable();
            prop_assert_eq!(is_covered(range, &ports), naive);
        }
    }
}
