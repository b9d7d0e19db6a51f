//! What the examples share: command-line flags and printed lines, the same in every language.
#![forbid(unsafe_code)]

use std::collections::HashMap;

use enos_runtime::{Client, ClientBuilder, Error, ErrorKind, Login, Tls};

/// What each flag is for, as `--help` prints it.
const HELP: &str = "\
--hub URL             tcp://host:11883 or ssl://host:18883   (tcp://127.0.0.1:11883)
--product-key KEY     the product's key                      (Tq4zR9Lw)
--device-key KEY      the device's key                       (t-1)
--device-secret TEXT  the device's secret                    (of the hub's example seed)
--ca FILE             CA of the hub, PEM; else the system's
--cert FILE           client certificate, PEM
--key FILE            its private key, PEM";

/// The flags of one example.
pub struct Flags(HashMap<String, String>);

impl Flags {
    /// Reads the command line; on `--help` or a flag that does not exist it says so and ends the program.
    pub fn read() -> Self {
        Self::of(std::env::args().skip(1))
    }

    /// The same, with one more flag that takes no value; tells whether it was there.
    pub fn read_with_switch(switch: &str) -> (Self, bool) {
        let args: Vec<_> = std::env::args().skip(1).collect();
        let given = args.iter().any(|flag| flag == switch);
        (Self::of(args.into_iter().filter(|flag| flag != switch)), given)
    }

    fn of(mut args: impl Iterator<Item = String>) -> Self {
        let mut flags = HashMap::new();
        while let Some(flag) = args.next() {
            let known =
                flag.starts_with("--") && HELP.lines().any(|line| line.split(' ').next() == Some(&flag));
            match args.next() {
                Some(value) if known => flags.insert(flag[2..].to_owned(), value),
                _ if flag == "--help" => {
                    println!("{HELP}");
                    std::process::exit(0);
                }
                _ => {
                    let wrong = if known { "needs a value" } else { "is no flag" };
                    eprintln!("{flag} {wrong}. These are:\n{HELP}");
                    std::process::exit(2);
                }
            };
        }
        Self(flags)
    }

    fn get<'f>(&'f self, flag: &str, default: &'f str) -> &'f str {
        self.0.get(flag).map_or(default, String::as_str)
    }

    /// The hub's URL.
    pub fn hub(&self) -> &str {
        self.get("hub", "tcp://127.0.0.1:11883")
    }

    /// A client for the device that the flags name.
    pub fn client(&self) -> Result<Client, Error> {
        self.builder()?.build()
    }

    /// What makes that client.
    pub fn builder(&self) -> Result<ClientBuilder, Error> {
        let login = Login::device_secret(
            self.get("product-key", "Tq4zR9Lw"),
            self.get("device-key", "t-1"),
            self.get("device-secret", "u8Yp2QvKs0t1"),
        );
        let mut tls = Tls::new();
        if let Some(ca) = self.0.get("ca") {
            tls = tls.ca_file(ca)?;
        }
        match (self.0.get("cert"), self.0.get("key")) {
            (Some(cert), Some(key)) => tls = tls.client_files(cert, key)?,
            (None, None) => {}
            _ => {
                let text = "--cert and --key belong together. Give both.";
                return Err(Error::new(ErrorKind::InvalidArgument, text));
            }
        }
        Ok(Client::builder(self.hub()).login(login).tls(tls))
    }
}

/// The program of the top README compiles as it is printed.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_client_certificate_is_refused() {
        for flag in ["cert", "key"] {
            let flags = Flags(HashMap::from([(flag.to_owned(), "device.pem".to_owned())]));
            let error = flags.client().map(drop).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidArgument);
            assert!(error.message.contains("--cert and --key"), "{error}");
        }
    }
}
