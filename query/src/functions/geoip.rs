//! `country`, `asn`, `as_org`: what files in the format of `MaxMind` say about an address.
//!
//! The files are those of the process, named by a setting: a function has no session, and a plan that is run elsewhere
//! asks the files that are there. Without a file everything is NULL.

use super::arguments::Texts;
use super::networks::address;
use super::scalar::{Definition, function};
use crate::error::Error;
use datafusion::arrow::array::{Int64Array, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use maxminddb::{PathElement, Reader, WithinOptions};
use serde::Deserialize;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::ip::CHAPTER;

/// Where a country is in a record.
const COUNTRY: [PathElement<'static>; 2] = [PathElement::Key("country"), PathElement::Key("iso_code")];
const NUMBER: [PathElement<'static>; 1] = [PathElement::Key("autonomous_system_number")];
const ORGANIZATION: [PathElement<'static>; 1] = [PathElement::Key("autonomous_system_organization")];

/// Records that are looked at to see what a file has: some of a country file have no country.
const PROBED: usize = 1000;

static LOADED: OnceLock<Geoip> = OnceLock::new();

pub(super) fn country() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "country(ip)",
        doc: "The country of an address, as two letters (ISO 3166). NULL where the files of `--geoip` do not know it, \
              or there are none.",
        example: "country('10.0.0.7')",
        returns: DataType::Utf8,
        body: |arguments, rows| {
            let addresses = Texts::new(&arguments[0])?;
            let country = |row| LOADED.get()?.country(addresses.get(row).and_then(address)?);
            Ok(Arc::new((0..rows).map(country).collect::<StringArray>()))
        },
    })
}

pub(super) fn asn() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "asn(ip)",
        doc: "The number of the autonomous system that an address belongs to, in effect its provider. NULL as for \
              `country`.",
        example: "asn('10.0.0.7')",
        returns: DataType::Int64,
        body: |arguments, rows| {
            let addresses = Texts::new(&arguments[0])?;
            let number = |row| LOADED.get()?.asn(addresses.get(row).and_then(address)?);
            Ok(Arc::new((0..rows).map(number).collect::<Int64Array>()))
        },
    })
}

pub(super) fn as_org() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "as_org(ip)",
        doc: "The name of the organisation behind the autonomous system of an address. NULL as for `country`.",
        example: "as_org('10.0.0.7')",
        returns: DataType::Utf8,
        body: |arguments, rows| {
            let addresses = Texts::new(&arguments[0])?;
            let name = |row| LOADED.get()?.as_org(addresses.get(row).and_then(address)?);
            Ok(Arc::new((0..rows).map(name).collect::<StringArray>()))
        },
    })
}

/// What is known about addresses.
#[derive(Debug, Default)]
pub struct Geoip {
    files: Vec<File>,
}

/// A file, and which half of the knowledge it has.
#[derive(Debug)]
struct File {
    reader: Reader<Vec<u8>>,
    has_countries: bool,
    has_systems: bool,
}

impl Geoip {
    /// Reads the files, which are in memory from then on. Where two know an address, the first counts.
    ///
    /// # Errors
    /// One cannot be read, or has neither countries nor autonomous systems.
    pub fn open(paths: &[PathBuf]) -> Result<Self, Error> {
        let files = paths.iter().map(|path| File::open(path)).collect::<Result<_, _>>()?;
        Ok(Self { files })
    }

    /// Makes this the knowledge of the process; what was set first stays.
    pub fn set(self) {
        let _ = LOADED.set(self);
    }

    fn country(&self, address: IpAddr) -> Option<&str> {
        self.files.iter().filter(|file| file.has_countries).find_map(|file| file.look_up(address, &COUNTRY))
    }

    fn asn(&self, address: IpAddr) -> Option<i64> {
        self.systems().find_map(|file| file.look_up(address, &NUMBER))
    }

    fn as_org(&self, address: IpAddr) -> Option<&str> {
        self.systems().find_map(|file| file.look_up(address, &ORGANIZATION))
    }

    fn systems(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.has_systems)
    }
}

/// What of the `needs` of a rule the process has no file for: `geoip` is met by any file, `geoip:country` and
/// `geoip:asn` by one that has these.
#[must_use]
pub fn unmet(needs: &[String]) -> Option<&str> {
    let has = |known: fn(&File) -> bool| LOADED.get().is_some_and(|geoip| geoip.files.iter().any(known));
    let is_unmet = |need: &&String| match need.as_str() {
        "geoip" => !has(|_| true),
        "geoip:country" => !has(|file| file.has_countries),
        "geoip:asn" => !has(|file| file.has_systems),
        _ => false,
    };
    needs.iter().find(is_unmet).map(String::as_str)
}

impl File {
    fn open(path: &Path) -> Result<Self, Error> {
        let bad = |why: String| Error::Geoip { path: path.to_owned(), why };
        let bytes = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
        let reader = Reader::from_source(bytes)
            .map_err(|error| bad(format!("it is no MaxMind database ({error})")))?;
        let (mut has_countries, mut has_systems) = (false, false);
        let records = reader.networks(WithinOptions::default()).map_err(|error| bad(error.to_string()))?;
        for record in records.take(PROBED) {
            let record = record.map_err(|error| bad(format!("it is damaged ({error})")))?;
            has_countries |= matches!(record.decode_path::<&str>(&COUNTRY), Ok(Some(_)));
            has_systems |= matches!(record.decode_path::<u32>(&NUMBER), Ok(Some(_)));
        }
        if !has_countries && !has_systems {
            let kind = &reader.metadata().database_type;
            return Err(bad(format!("{kind:?} has neither countries nor autonomous systems")));
        }
        Ok(Self { reader, has_countries, has_systems })
    }

    /// A value of an address; `None` also for an IPv6 address in a file of IPv4 ones.
    fn look_up<'a, T: Deserialize<'a>>(&'a self, address: IpAddr, path: &[PathElement<'_>]) -> Option<T> {
        self.reader.lookup(address).ok()?.decode_path(path).ok()?
    }
}
