//! Texts → addresses and networks, and a set of networks that knows at once whether an address is in it.
//!
//! An IPv4 address that is written as an IPv6 one (`::ffff:192.0.2.1`) is the IPv4 address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address that a text is, if it is one. `sourceIPAddress` may also be the name of a service.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// Addresses from the first to the last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Span {
    V4(u32, u32),
    V6(u128, u128),
}

/// Whether a text is a network such as `203.0.113.0/24`, or an address.
pub(crate) fn is_network(text: &str) -> bool {
    network(text).is_some()
}

/// `203.0.113.0/24`, or an address alone. Bits behind the prefix do not count.
fn network(text: &str) -> Option<Span> {
    let (base, prefix) = match text.split_once('/') {
        Some((base, prefix)) if prefix.bytes().all(|byte| byte.is_ascii_digit()) => {
            (base, Some(prefix.parse::<u8>().ok()?))
        }
        Some(_) => return None,
        None => (text, None),
    };
    match base.parse::<IpAddr>().ok()? {
        IpAddr::V4(base) => v4(base, prefix.unwrap_or(32)),
        IpAddr::V6(base) => match (base.to_ipv4_mapped(), prefix.unwrap_or(128)) {
            (Some(base), prefix @ 96..) => v4(base, prefix - 96),
            (_, prefix) => v6(base, prefix),
        },
    }
}

fn v4(base: Ipv4Addr, prefix: u8) -> Option<Span> {
    let host = (prefix <= 32).then(|| u32::MAX.checked_shr(prefix.into()).unwrap_or(0))?;
    Some(Span::V4(base.to_bits() & !host, base.to_bits() | host))
}

fn v6(base: Ipv6Addr, prefix: u8) -> Option<Span> {
    let host = (prefix <= 128).then(|| u128::MAX.checked_shr(prefix.into()).unwrap_or(0))?;
    Some(Span::V6(base.to_bits() & !host, base.to_bits() | host))
}

/// A set of networks: spans that do not overlap, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Networks {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl Networks {
    /// What is no network is not in the set.
    pub(super) fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut networks = Self::default();
        // A text may hold several, as people write them.
        for text in texts.flat_map(|text| text.split([',', ' '])) {
            match network(text) {
                Some(Span::V4(first, last)) => networks.v4.push((first, last)),
                Some(Span::V6(first, last)) => networks.v6.push((first, last)),
                None => {}
            }
        }
        merge(&mut networks.v4);
        merge(&mut networks.v6);
        networks
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => is_in(&self.v4, &address.to_bits()),
            IpAddr::V6(address) => is_in(&self.v6, &address.to_bits()),
        }
    }
}

/// Sorts spans, and makes one of those that overlap.
fn merge<T: Ord + Copy>(spans: &mut Vec<(T, T)>) {
    spans.sort_unstable();
    spans.dedup_by(|next, kept| {
        let overlaps = next.0 <= kept.1;
        if overlaps {
            kept.1 = kept.1.max(next.1);
        }
        overlaps
    });
}

/// Whether a value is in one of the spans, which are in order.
fn is_in<T: Ord>(spans: &[(T, T)], value: &T) -> bool {
    let after = spans.partition_point(|(first, _)| first <= value);
    after > 0 && *value <= spans[after - 1].1
}

/// Whether an address is one of the public Internet. Those that documentation uses count as public, since they stand
/// for such in examples and tests and are never seen elsewhere.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let is_shared = a == 100 && b & 0xc0 == 64;
            let is_benchmark = a == 198 && b & 0xfe == 18;
            let is_assignment = (a, b, c) == (192, 0, 0);
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast())
                && !(a == 0 || a >= 240 || is_shared || is_benchmark || is_assignment)
        }
        // Global unicast; everything else is local, reserved or multicast.
        IpAddr::V6(v6) => v6.segments()[0] & 0xe000 == 0x2000,
    }
}

/// The neighbourhood of an address: its /24, or its /48.
pub(super) fn neighbourhood(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => format!("{}/24", Ipv4Addr::from_bits(v4.to_bits() & !0xff)),
        IpAddr::V6(v6) => format!("{}/48", Ipv6Addr::from_bits(v6.to_bits() >> 80 << 80)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_in_networks(address_text: &str, networks: &[&str]) -> bool {
        Networks::new(networks.iter().copied()).contains(address(address_text).unwrap())
    }

    #[test]
    fn a_network_holds_its_addresses_from_the_first_to_the_last() {
        assert!(is_in_networks("203.0.113.0", &["203.0.113.0/24"]));
        assert!(is_in_networks("203.0.113.255", &["203.0.113.77/24"]));
        assert!(!is_in_networks("203.0.114.0", &["203.0.113.0/24", "203.0.115.0/24"]));
        assert!(is_in_networks("255.255.255.255", &["0.0.0.0/0"]) && is_in_networks("::1", &["::/0"]));
        assert!(!is_in_networks("::1", &["0.0.0.0/0"]) && !is_in_networks("0.0.0.1", &["::/0"]));
        assert!(is_in_networks("10.0.0.1", &["10.0.0.1"]) && !is_in_networks("10.0.0.2", &["10.0.0.1/32"]));
        assert!(is_in_networks("2001:db8::ffff", &["2001:DB8::/32"]));
        assert!(is_in_networks("::ffff:10.0.0.1", &["10.0.0.0/8"]));
        assert!(is_in_networks("10.0.0.1", &["::ffff:10.0.0.0/104"]));
        assert!(is_in_networks("10.0.0.1", &["192.0.2.0/24, 10.0.0.0/8"]));
    }

    #[test]
    fn what_is_no_network_holds_nothing() {
        for text in
            ["", "/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0/8", "::/129", "10.0.0.0/", "x/8"]
        {
            assert_eq!(network(text), None, "{text}");
        }
        // Some captures were made anonymous with leading zeros.
        assert_eq!(address("06.237.252.245"), None);
        assert_eq!(address("ec2.amazonaws.com"), None);
    }

    #[test]
    fn the_internet_is_what_is_not_kept_for_something_else() {
        for public in
            ["8.8.8.8", "198.51.100.7", "203.0.113.9", "172.32.0.1", "100.128.0.1", "2600::1", "2001:db8::1"]
        {
            assert!(is_public(address(public).unwrap()), "{public}");
        }
        for local in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!is_public(address(local).unwrap()), "{local}");
        }
    }

    #[test]
    fn neighbours_share_a_text() {
        assert_eq!(neighbourhood(address("198.51.100.200").unwrap()), "198.51.100.0/24");
        assert_eq!(neighbourhood(address("2001:db8:1:2::3").unwrap()), "2001:db8:1::/48");
    }

    /// One network after the other, one bit after the other.
    fn naive(address: IpAddr, networks: &[(IpAddr, u8)]) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(v4) => format!("{:032b}", v4.to_bits()),
            IpAddr::V6(v6) => format!("{:0128b}", v6.to_bits()),
        };
        networks.iter().any(|(base, prefix)| {
            base.is_ipv4() == address.is_ipv4()
                && bits(*base)[..usize::from(*prefix)] == bits(address)[..usize::from(*prefix)]
        })
    }

    /// Addresses that lie close together, so that networks overlap.
    fn addresses() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            (0u32..1 << 12, any::<bool>()).prop_map(|(low, high)| {
                IpAddr::V4(Ipv4Addr::from_bits(if high { u32::MAX - low } else { low }))
            }),
            // Above the IPv4 addresses that are written as IPv6.
            (0u128..1 << 12).prop_map(|low| IpAddr::V6(Ipv6Addr::from_bits(low << 100 | 1 << 127 | low))),
        ]
    }

    fn prefixed() -> impl Strategy<Value = (IpAddr, u8)> {
        addresses().prop_flat_map(|base| (Just(base), 0..=if base.is_ipv4() { 32u8 } else { 128 }))
    }

    proptest! {
        #[test]
        fn a_set_agrees_with_its_networks_one_by_one(
            address in addresses(),
            networks in prop::collection::vec(prefixed(), 0..12),
        ) {
            let texts = networks.iter().map(|(base, prefix)| format!("{base}/{prefix}")).collect::<Vec<_>>();
            let set = Networks::new(texts.iter().map(String::as_str));
            prop_assert_eq!(set.contains(address), naive(address, &networks));
        }

        #[test]
        fn no_text_is_too_odd(text in any::<String>()) {
            let _ = (network(&text), address(&text));
        }
    }
}
