//! What Athena and CloudTrail Lake have and we have not: why, and what comes nearest. `query/DIALECT.md` lists it.

#[cfg(test)]
use std::fmt::Write;

/// Something that is not supported.
pub(crate) struct Unsupported {
    /// Functions in lower case, or columns, whose use is refused.
    pub(crate) names: &'static [&'static str],
    /// Why.
    pub(crate) why: &'static str,
    /// What to write instead.
    pub(crate) instead: &'static str,
}

/// Functions.
pub(crate) const FUNCTIONS: &[Unsupported] = &[
    Unsupported {
        names: &["reduce", "reduce_agg"],
        why: "the engine has no fold over a list",
        instead: "take the list apart with CROSS JOIN UNNEST and use an aggregate",
    },
    Unsupported {
        names: &["zip_with", "array_sort_by", "ngrams", "combinations"],
        why: "the engine has no function of two lists at once",
        instead: "UNNEST(a, b) AS t(x, y) puts two lists side by side",
    },
    Unsupported {
        names: &["map_filter", "map_zip_with", "transform_keys", "transform_values", "map_concat"],
        why: "JSON objects are texts here, not maps",
        instead: "map_keys, map_values and element_at read them; UNNEST(object) AS t(k, v) takes them apart",
    },
    Unsupported {
        names: &["map_union", "map_from_entries", "multimap_agg", "multimap_from_entries", "split_to_map"],
        why: "no map is made of many",
        instead: "map_agg makes one of two columns, array_agg a list",
    },
    Unsupported {
        names: &["approx_most_frequent", "numeric_histogram"],
        why: "the engine has no sketch for them",
        instead: "GROUP BY … ORDER BY count(*) DESC LIMIT n is exact; histogram(x) counts each value",
    },
    Unsupported {
        names: &[
            "approx_set",
            "empty_approx_set",
            "merge",
            "qdigest_agg",
            "tdigest_agg",
            "value_at_quantile",
        ],
        why: "sketches cannot be kept",
        instead: "approx_distinct and approx_percentile give the number at once",
    },
    Unsupported {
        names: &["bar", "color", "render", "rgb"],
        why: "answers are plain text",
        instead: "repeat('*', n) draws a bar",
    },
    Unsupported {
        names: &["format", "format_number", "human_readable_seconds", "parse_duration", "parse_data_size"],
        why: "the engine does not format by a pattern",
        instead: "put texts together with || and CAST(x AS VARCHAR)",
    },
    Unsupported {
        names: &["json_object", "json_array", "json_table"],
        why: "JSON is read here, not made",
        instead: "CAST(x AS JSON) prints a struct or a list; json_extract and UNNEST read JSON",
    },
    Unsupported {
        names: &[
            "from_base64",
            "to_base64",
            "from_utf8",
            "to_utf8",
            "from_hex",
            "md5",
            "sha1",
            "sha256",
            "sha512",
            "xxhash64",
        ],
        why: "the engine is built without binary values and hashes",
        instead: "CloudTrail's own fields need none; compare the texts themselves",
    },
    Unsupported {
        names: &[
            "st_point",
            "st_distance",
            "st_contains",
            "st_geometryfromtext",
            "great_circle_distance",
            "bing_tile",
        ],
        why: "there is no geometry here",
        instead: "country(sourceIPAddress) and asn(sourceIPAddress) say where an address is",
    },
    Unsupported {
        names: &["url_encode", "url_extract_parameter", "soundex", "word_stem", "normalize"],
        why: "nobody needed it yet",
        instead: "url_decode, url_extract_host, regexp_extract and split_part are there",
    },
];

/// Columns of tables that are not CloudTrail's.
pub(crate) const COLUMNS: &[Unsupported] = &[
    Unsupported {
        names: &["eventjsonchecksum"],
        why: "it is CloudTrail Lake's own, and of a text that only CloudTrail Lake has",
        instead: "logfiles has the SHA-256 of each log file",
    },
    Unsupported {
        names: &["eventdata", "configurationitems"],
        why: "they are of AWS Config, whose items no trail delivers",
        instead: "changes of resources are calls: ask for their eventName and requestParameters",
    },
    Unsupported {
        names: &["metadata", "src_endpoint", "class_uid", "activity_name", "time_dt", "unmapped"],
        why: "they are of OCSF, the schema of Security Lake",
        instead: "use CloudTrail's names: eventName, sourceIPAddress, userIdentity.arn",
    },
];

/// Why a function cannot be called; `None` if it is not on the list.
pub(super) fn function(name: &str) -> Option<String> {
    let of = FUNCTIONS.iter().find(|of| of.names.contains(&name))?;
    Some(format!("{name} is not supported: {}\nhint: {}", of.why, of.instead))
}

/// Why a column is not there; `None` if it is not on the list.
pub(crate) fn column(name: &str) -> Option<String> {
    let of = COLUMNS.iter().find(|of| of.names.contains(&name.to_lowercase().as_str()))?;
    Some(format!("there is no column {name}: {}\nhint: {}", of.why, of.instead))
}

/// Both lists, as tables of the reference page.
#[cfg(test)]
pub(super) fn markdown() -> String {
    let mut out = String::new();
    for (title, of) in [("functions", FUNCTIONS), ("columns", COLUMNS)] {
        let _ = write!(out, "| {title} | why not | instead |\n|---|---|---|\n");
        for of in of {
            let names = of.names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let _ = writeln!(out, "| {names} | {} | {} |", of.why, of.instead);
        }
        out.push('\n');
    }
    out
}
