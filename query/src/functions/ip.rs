//! `ip_in`, `is_public_ip`, `net24`, `ip_order`: where an address is.

use super::arguments::{Argument, Lists, Texts};
use super::networks::{Networks, address, is_public, neighbourhood};
use super::scalar::{Definition, function, truths};
use datafusion::arrow::array::{ListArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;
use std::sync::{Arc, Mutex, PoisonError};

pub(super) const CHAPTER: &str = "Addresses";

pub(super) fn ip_in() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "ip_in(ip, networks)",
        doc: "Whether the address, IPv4 or IPv6, is in one of the networks: a list of networks and addresses, or a \
              text with commas between them. The name of a service is in none.",
        example: "ip_in('203.0.113.9', make_array('203.0.113.0/24', '2001:db8::/32'))",
        returns: DataType::Boolean,
        body: |arguments, rows| {
            let (addresses, networks) = (Texts::new(&arguments[0])?, Sets::new(&arguments[1])?);
            truths(rows, |row| {
                addresses.get(row).and_then(address).is_some_and(|address| networks.contain(row, address))
            })
        },
    })
}

pub(super) fn is_public_ip() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "is_public_ip(ip)",
        doc: "Whether it is an address of the public Internet: not private, shared, loopback, link-local, multicast \
              or reserved, and not the name of a service. The addresses of documentation (198.51.100.0/24 and the \
              like) count as public, so that examples are like life.",
        example: "is_public_ip('10.0.0.7')",
        returns: DataType::Boolean,
        body: |arguments, rows| {
            let addresses = Texts::new(&arguments[0])?;
            truths(rows, |row| addresses.get(row).and_then(address).is_some_and(is_public))
        },
    })
}

pub(super) fn net24() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "net24(ip)",
        doc: "The network around an address, as a text: the /24 of an IPv4 address, the /48 of an IPv6 one. NULL for \
              what is no address.",
        example: "net24('198.51.100.200')",
        returns: DataType::Utf8,
        body: |arguments, rows| {
            let addresses = Texts::new(&arguments[0])?;
            let network = |row| addresses.get(row).and_then(address).map(neighbourhood);
            Ok(Arc::new((0..rows).map(network).collect::<StringArray>()))
        },
    })
}

pub(super) fn ip_order() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "ip_order(ip)",
        doc: "A text that sorts as addresses do: their 16 bytes as hexadecimal digits, those of an IPv4 address mapped \
              into IPv6. NULL for what is no address. Comparisons of CAST(ip AS IPADDRESS) use it.",
        example: "ip_order('192.0.2.1')",
        returns: DataType::Utf8,
        body: |arguments, rows| {
            let addresses = Texts::new(&arguments[0])?;
            let order = |row| Some(format!("{:032x}", mapped(addresses.get(row).and_then(address)?)));
            Ok(Arc::new((0..rows).map(order).collect::<StringArray>()))
        },
    })
}

/// The address as a number, IPv4 mapped into IPv6.
fn mapped(address: std::net::IpAddr) -> u128 {
    match address {
        std::net::IpAddr::V4(address) => u128::from(address.to_ipv6_mapped()),
        std::net::IpAddr::V6(address) => u128::from(address),
    }
}

/// The networks of each row.
enum Sets {
    /// The same for all.
    Constant(Arc<Networks>),
    Rows(Lists),
}

impl Sets {
    fn new(argument: &Argument) -> Result<Self> {
        let lists = Lists::new(argument)?;
        Ok(match argument.constant_list() {
            Some(list) => Self::Constant(known(list, &lists)),
            None if argument.is_constant() => Self::Constant(Arc::new(Networks::new(lists.items(0)))),
            None => Self::Rows(lists),
        })
    }

    fn contain(&self, row: usize, address: std::net::IpAddr) -> bool {
        match self {
            Self::Constant(networks) => networks.contains(address),
            Self::Rows(lists) => Networks::new(lists.items(row)).contains(address),
        }
    }
}

/// How many lists are remembered.
const REMEMBERED: usize = 32;

/// The set of a constant list. Thousands of networks take a millisecond to read, and each batch of rows comes with the
/// same list: it is known by its address, which stays its own as long as it is kept here.
fn known(list: &Arc<ListArray>, items: &Lists) -> Arc<Networks> {
    static KNOWN: Mutex<Vec<(Arc<ListArray>, Arc<Networks>)>> = Mutex::new(Vec::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, networks)) = known.iter().find(|(other, _)| Arc::ptr_eq(other, list)) {
        return Arc::clone(networks);
    }
    let networks = Arc::new(Networks::new(items.items(0)));
    if known.len() == REMEMBERED {
        known.remove(0);
    }
    known.push((Arc::clone(list), Arc::clone(&networks)));
    networks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    proptest! {
        #[test]
        fn texts_sort_as_addresses_do(a in any::<u32>(), b in any::<u32>(), c in any::<u128>(), d in any::<u128>()) {
            let text = |address: IpAddr| format!("{:032x}", mapped(address));
            let (a, b) = (Ipv4Addr::from_bits(a), Ipv4Addr::from_bits(b));
            prop_assert_eq!(text(a.into()).cmp(&text(b.into())), a.cmp(&b));
            let (c, d) = (Ipv6Addr::from_bits(c), Ipv6Addr::from_bits(d));
            prop_assert_eq!(text(c.into()).cmp(&text(d.into())), c.cmp(&d));
            prop_assert_eq!(text(a.into()), text(a.to_ipv6_mapped().into()));
        }
    }
}
