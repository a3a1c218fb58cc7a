//! A file in the format of `MaxMind`, as small as can be: <https://maxmind.github.io/MaxMind-DB/>.

use serde_json::{Value, json};
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

/// Writes `records`, each for a network, into a file named `name`.
pub(crate) fn write(dir: &Path, name: &str, records: &[(&str, Value)]) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, bytes(name, records)).unwrap();
    path
}

/// What follows a bit of an address.
#[derive(Clone, Copy)]
enum Next {
    Nothing,
    Node(usize),
    /// An offset into the data.
    Data(usize),
}

pub(crate) fn bytes(kind: &str, records: &[(&str, Value)]) -> Vec<u8> {
    let (mut nodes, mut data) = (vec![[Next::Nothing; 2]], Vec::new());
    for (network, record) in records {
        let (bits, prefix) = network_bits(network);
        let mut node = 0;
        for depth in 0..prefix {
            let side = usize::from(bits >> (127 - depth) & 1 == 1);
            if depth == prefix - 1 {
                nodes[node][side] = Next::Data(data.len());
            } else if let Next::Node(next) = nodes[node][side] {
                node = next;
            } else {
                nodes.push([Next::Nothing; 2]);
                nodes[node][side] = Next::Node(nodes.len() - 1);
                node = nodes.len() - 1;
            }
        }
        encode(record, &mut data);
    }
    let mut out = Vec::new();
    for next in nodes.iter().flatten() {
        let value = match next {
            Next::Nothing => nodes.len(),
            Next::Node(node) => *node,
            Next::Data(offset) => nodes.len() + 16 + offset,
        };
        out.extend(u32::try_from(value).unwrap().to_be_bytes());
    }
    out.extend([0; 16]);
    out.extend(data);
    out.extend(b"\xab\xcd\xefMaxMind.com");
    metadata(kind, nodes.len(), &mut out);
    out
}

/// Here each number has to have its own width.
fn metadata(kind: &str, nodes: usize, out: &mut Vec<u8>) {
    let short = |value: u8| vec![5 << 5 | 2, 0, value];
    let encoded = |value: Value| {
        let mut bytes = Vec::new();
        encode(&value, &mut bytes);
        bytes
    };
    // A number of 64 bits has an extended type.
    let epoch = [&[8, 2][..], &1_790_000_000_u64.to_be_bytes()].concat();
    let members = [
        ("binary_format_major_version", short(2)),
        ("binary_format_minor_version", short(0)),
        ("build_epoch", epoch),
        ("database_type", encoded(json!(kind))),
        ("description", encoded(json!({}))),
        ("ip_version", short(6)),
        ("languages", encoded(json!([]))),
        ("node_count", encoded(json!(nodes))),
        ("record_size", short(32)),
    ];
    out.push(7 << 5 | u8::try_from(members.len()).unwrap());
    for (key, value) in members {
        encode(&json!(key), out);
        out.extend(value);
    }
}

/// The first bits of a network, and how many; IPv4 is at the beginning of IPv6.
fn network_bits(network: &str) -> (u128, u8) {
    let (base, prefix) = network.split_once('/').unwrap();
    let prefix = prefix.parse::<u8>().unwrap();
    match base.parse().unwrap() {
        IpAddr::V4(base) => (u128::from(base.to_bits()), prefix + 96),
        IpAddr::V6(base) => (Ipv6Addr::to_bits(base), prefix),
    }
}

fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(members) => {
            out.push(7 << 5 | u8::try_from(members.len()).unwrap());
            for (key, value) in members {
                encode(&Value::from(key.as_str()), out);
                encode(value, out);
            }
        }
        Value::String(text) if text.len() < 29 => {
            out.push(2 << 5 | u8::try_from(text.len()).unwrap());
            out.extend(text.as_bytes());
        }
        Value::String(text) => {
            out.extend([0x5d, u8::try_from(text.len() - 29).unwrap()]);
            out.extend(text.as_bytes());
        }
        Value::Number(number) => {
            out.push(6 << 5 | 4);
            out.extend(u32::try_from(number.as_u64().unwrap()).unwrap().to_be_bytes());
        }
        // An array, whose type is an extended one.
        Value::Array(items) if items.is_empty() => out.extend([0, 4]),
        other => panic!("{other} is not needed here"),
    }
}
