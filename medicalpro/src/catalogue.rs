//! The six services of the product, and which of them this process serves (`--services`).

use std::fmt;
use std::str::FromStr;

use service::Service;

/// The six services.
pub const CATALOGUE: [Service; 6] = [
    service_auth::SERVICE,
    service_patients::SERVICE,
    service_appointments::SERVICE,
    service_records::SERVICE,
    service_notifications::SERVICE,
    service_analytics::SERVICE,
];

/// The port of a process that serves more than one service.
const PORT_OF_SEVERAL: u16 = 3000;

/// The services of one process, each once, in the order of the catalogue.
#[derive(Clone)]
pub struct Selection(Vec<Service>);

impl Default for Selection {
    fn default() -> Self {
        Self(CATALOGUE.to_vec())
    }
}

impl Selection {
    /// The services.
    pub fn services(&self) -> &[Service] {
        &self.0
    }

    /// Whether this service is one of them.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|service| service.name == name)
    }

    /// Whether all services are served.
    pub fn is_whole(&self) -> bool {
        self.0.len() == CATALOGUE.len()
    }

    /// The port of the listener, unless the configuration names another.
    pub fn port(&self) -> u16 {
        match self.0.as_slice() {
            [alone] => alone.port,
            _ => PORT_OF_SEVERAL,
        }
    }
}

impl FromStr for Selection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named: Vec<&str> = text.split(',').map(str::trim).collect();
        let names: Vec<&str> = CATALOGUE.iter().map(|service| service.name).collect();
        if named.iter().any(|name| !names.contains(name)) {
            return Err(format!("the services are {}, separated by commas", names.join(", ")));
        }
        Ok(Self(CATALOGUE.into_iter().filter(|service| named.contains(&service.name)).collect()))
    }
}

impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|service| service.name).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_alone_has_a_port_of_its_own() {
        let ports: Vec<u16> = CATALOGUE.iter().map(|service| service.port).collect();
        assert_eq!(ports, [3001, 3002, 3003, 3004, 3005, 3006]);
        assert_eq!("patients".parse::<Selection>().unwrap().port(), 3002);
        assert_eq!("patients,auth".parse::<Selection>().unwrap().port(), 3000);
    }

    #[test]
    fn services_are_named_in_any_order_and_served_once() {
        let selection: Selection = "records, auth,records".parse().unwrap();
        assert_eq!(selection.to_string(), "auth,records");
        assert!(!selection.is_whole() && Selection::default().is_whole());
    }

    #[test]
    fn a_name_that_is_no_service_is_refused_with_those_that_are() {
        for text in ["", "billing", "auth,", "Auth"] {
            let refusal = text.parse::<Selection>().unwrap_err();
            assert!(refusal.contains("auth, patients, appointments, records, notifications, analytics"), "{text}");
        }
    }
}
