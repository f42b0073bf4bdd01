//! Where a request comes from: the other end of the connection, unless that is a proxy which is trusted to say whom it
//! speaks for. The address goes into the metadata of events, into the trace of accesses and into rate limits, so a client
//! must not be able to choose it.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use poem::http::HeaderMap;
use poem::{Endpoint, Middleware, Request, Result};

/// The header in which each proxy appends whom it got the request from.
const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The networks of the proxies that are believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Proxies in these networks.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(networks.into_iter().collect())
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Walks back from the connection through what trusted proxies say: the first address that is no trusted proxy's is
    /// the client's. What stands left of it the client may have written itself.
    fn client_of(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let lines = headers.get_all(X_FORWARDED_FOR).iter().map(|value| value.to_str().unwrap_or_default());
        let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
        let mut client = peer;
        for hop in hops.into_iter().rev() {
            if !self.trusts(client) {
                break;
            }
            // What cannot be read ends the chain: the proxy that wrote it is the last one known.
            let Some(address) = parse_hop(hop) else { break };
            client = address;
        }
        client
    }
}

/// An address, with or without a port, as proxies write it.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bracketed = hop.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(address, _)| address);
    let alone = bracketed.unwrap_or(hop).parse().ok();
    alone.or_else(|| hop.parse().ok().map(|socket: std::net::SocketAddr| socket.ip())).map(canonical)
}

/// An IPv4 address that came over an IPv6 socket is an IPv4 address.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// The client's address, as far as it is known. Handlers find it with [`ClientAddress::of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// Where this request comes from; unknown for what did not come over a network.
    pub fn of(request: &Request) -> Option<IpAddr> {
        request.data::<Self>().map(|address| address.0)
    }
}

impl<E: Endpoint> Middleware<E> for TrustedProxies {
    type Output = AddressedEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        AddressedEndpoint { inner, proxies: self.clone() }
    }
}

/// The endpoint of [`TrustedProxies`].
pub struct AddressedEndpoint<E> {
    inner: E,
    proxies: TrustedProxies,
}

impl<E: Endpoint> Endpoint for AddressedEndpoint<E> {
    type Output = E::Output;

    async fn call(&self, mut request: Request) -> Result<Self::Output> {
        if let Some(peer) = request.remote_addr().as_socket_addr().map(|peer| canonical(peer.ip())) {
            request.set_data(ClientAddress(self.proxies.client_of(peer, request.headers())));
        }
        self.inner.call(request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&'static str]) -> String {
        let proxies = TrustedProxies::new(trusted.iter().map(|network| network.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(X_FORWARDED_FOR, line.parse().unwrap());
        }
        proxies.client_of(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn without_a_trusted_proxy_the_header_means_nothing() {
        assert_eq!(client(&[], "192.0.2.7", &["203.0.113.9"]), "192.0.2.7");
        assert_eq!(client(&["10.0.0.0/8"], "192.0.2.7", &["203.0.113.9"]), "192.0.2.7");
    }

    #[test]
    fn the_client_is_the_rightmost_address_that_is_no_trusted_proxys() {
        let trusted = ["10.0.0.0/8", "fd00::/8"];
        for (forwarded, expected) in [
            (&["203.0.113.9"][..], "203.0.113.9"),
            (&["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
            (&["1.1.1.1", "203.0.113.9, 10.0.0.4"], "203.0.113.9"),
            (&["203.0.113.9:4711"], "203.0.113.9"),
            (&["[2001:db8::1]:4711"], "2001:db8::1"),
            (&["2001:db8::1, fd00::2"], "2001:db8::1"),
            (&["10.0.0.9, 10.0.0.4"], "10.0.0.9"),
            (&["unknown, 10.0.0.4"], "10.0.0.4"),
            (&["nonsense"], "10.0.0.1"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(client(&trusted, "10.0.0.1", forwarded), expected, "{forwarded:?}");
        }
    }
}
