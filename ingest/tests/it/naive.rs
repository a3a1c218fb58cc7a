//! The oracle: JSON read in the simplest way there is.

/// A JSON text in one spelling, read in the simplest way: keys sorted (a key that comes twice keeps its order), strings
/// as UTF-16 units, numbers as they are.
pub(crate) fn naive(text: &str) -> String {
    let characters = text.chars().collect::<Vec<_>>();
    let mut at = 0;
    let value = naive_value(&characters, &mut at);
    assert_eq!(at, characters.len(), "not all of it was read: {text}");
    value
}

fn naive_value(text: &[char], at: &mut usize) -> String {
    naive_space(text, at);
    let value = match text[*at] {
        '"' => naive_string(text, at),
        '{' => {
            let mut members = naive_list(text, at, '}');
            members.sort_by(|a, b| a.0.cmp(&b.0));
            format!(
                "{{{}}}",
                members.iter().map(|(key, value)| format!("{key}:{value}")).collect::<Vec<_>>().join(",")
            )
        }
        '[' => {
            let elements = naive_list(text, at, ']');
            format!("[{}]", elements.into_iter().map(|(_, value)| value).collect::<Vec<_>>().join(","))
        }
        _ => {
            let begin = *at;
            while *at < text.len() && !",]} \n\t\r".contains(text[*at]) {
                *at += 1;
            }
            text[begin..*at].iter().collect()
        }
    };
    naive_space(text, at);
    value
}

/// The members of an object, or the elements of an array under an empty key.
fn naive_list(text: &[char], at: &mut usize, close: char) -> Vec<(String, String)> {
    *at += 1;
    naive_space(text, at);
    let mut members = Vec::new();
    while text[*at] != close {
        let mut key = String::new();
        if close == '}' {
            naive_space(text, at);
            key = naive_string(text, at);
            naive_space(text, at);
            assert_eq!(text[*at], ':');
            *at += 1;
        }
        members.push((key, naive_value(text, at)));
        if text[*at] == ',' {
            *at += 1;
        }
    }
    *at += 1;
    members
}

fn naive_string(text: &[char], at: &mut usize) -> String {
    let mut units = String::from("\"");
    *at += 1;
    while text[*at] != '"' {
        let mut buffer = [0; 2];
        if text[*at] == '\\' {
            *at += 1;
            let unit = match text[*at] {
                'b' => 8,
                'f' => 12,
                'n' => 10,
                'r' => 13,
                't' => 9,
                'u' => {
                    let hex = text[*at + 1..*at + 5].iter().collect::<String>();
                    *at += 4;
                    u16::from_str_radix(&hex, 16).unwrap()
                }
                other => u16::try_from(u32::from(other)).unwrap(),
            };
            units.extend([format!("{unit:04x}")]);
        } else {
            units.extend(text[*at].encode_utf16(&mut buffer).iter().map(|unit| format!("{unit:04x}")));
        }
        *at += 1;
    }
    *at += 1;
    units
}

fn naive_space(text: &[char], at: &mut usize) {
    while *at < text.len() && " \n\t\r".contains(text[*at]) {
        *at += 1;
    }
}
