//! Networks in CIDR notation, of both IP versions (RFC 4632, RFC 4291 section 2.3).

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use crate::settings;

/// A network, or a single address. In settings it is written as a text.
///
/// ```
/// use forebay_sdk::Network;
///
/// let office: Network = "192.0.2.128/25".parse()?;
/// assert!(office.contains([192, 0, 2, 200].into()) && !office.contains([192, 0, 2, 1].into()));
///
/// let fault = "10.0.0.1/8".parse::<Network>().err();
/// let expected = r#""10.0.0.1/8" is no network: the address has bits beyond the network's length"#;
/// assert_eq!(fault.as_deref(), Some(expected));
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// An IPv4 address as its IPv6 mapping, so that one comparison serves both.
    address: u128,
    mask: u128,
}

impl Network {
    /// Whether the address is in it. An IPv4 address that reached the proxy over an IPv6 socket is an IPv4 address.
    ///
    /// ```
    /// # use std::net::IpAddr;
    /// let office: forebay_sdk::Network = "192.0.2.0/24".parse()?;
    /// let over_ipv6: IpAddr = "::ffff:192.0.2.7".parse().expect("an address");
    /// assert!(office.contains(over_ipv6));
    /// # Ok::<(), String>(())
    /// ```
    pub fn contains(&self, address: IpAddr) -> bool {
        bits(address) & self.mask == self.address
    }

    /// How narrow it is, 0 to 128 bits: of two networks that hold an address, the one with more says more about it.
    ///
    /// ```
    /// use forebay_sdk::Network;
    ///
    /// let [all, office]: [Network; 2] = ["0.0.0.0/0".parse()?, "192.0.2.0/24".parse()?];
    /// assert!(office.prefix_bits() > all.prefix_bits());
    /// # Ok::<(), String>(())
    /// ```
    pub fn prefix_bits(&self) -> u32 {
        self.mask.leading_ones()
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |because: &str| format!("\"{text}\" is no network: {because}");
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| refuse("the address is not IPv4 or IPv6"))?;
        let width: u32 = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            Some(length) if length.bytes().all(|byte| byte.is_ascii_digit()) => length.parse().unwrap_or(u32::MAX),
            Some(_) => u32::MAX,
            None => width,
        };
        if length > width {
            return Err(refuse(if width == 32 { "after \"/\" comes 0 to 32" } else { "after \"/\" comes 0 to 128" }));
        }
        let mask = u128::MAX.checked_shl(width - length).unwrap_or(0);
        let network = Self { address: bits(address), mask };
        if network.address & !mask != 0 {
            return Err(refuse("the address has bits beyond the network's length"));
        }
        Ok(network)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::from_text(deserializer)
    }
}

fn bits(address: IpAddr) -> u128 {
    let address = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    Ipv6Addr::to_bits(address)
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn a_network_holds_its_addresses_and_no_other() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", &["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"][..], &["9.255.255.255", "11.0.0.0"][..]),
            ("192.0.2.128/25", &["192.0.2.128", "192.0.2.255"], &["192.0.2.127", "192.0.3.0"]),
            ("192.0.2.7", &["192.0.2.7"], &["192.0.2.6", "192.0.2.8", "::1"]),
            ("192.0.2.7/32", &["192.0.2.7"], &["192.0.2.6"]),
            ("0.0.0.0/0", &["0.0.0.0", "255.255.255.255"], &["::", "2001:db8::1"]),
            ("2001:db8::/32", &["2001:db8::", "2001:db8:ffff::1"], &["2001:db7:ffff::", "2001:db9::", "10.0.0.1"]),
            ("::1", &["::1"], &["::", "::2", "127.0.0.1"]),
            ("::/0", &["::1", "10.0.0.1"], &[]),
        ] {
            let parsed: Network = network.parse().expect(network);
            for address in inside {
                assert!(parsed.contains(address.parse().expect(address)), "{address} in {network}");
            }
            for address in outside {
                assert!(!parsed.contains(address.parse().expect(address)), "{address} not in {network}");
            }
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0/8", "10.0.0.1/8", "a"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        for text in ["2001:db8::/129", "2001:db8::1/64", "2001:db8::/99999999999", "[::1]"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
