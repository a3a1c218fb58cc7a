//! Small numbers → Parquet's hybrid of run lengths and packed bits, in which levels and dictionary keys are stored
//! (Apache Parquet format, "Run Length Encoding / Bit-Packing Hybrid").

/// Appends `values`, each of at most `width` bits, to `out`.
pub(super) fn encode(values: &[u32], width: u32, out: &mut Vec<u8>) {
    let (mut at, mut packed) = (0, 0);
    while at < values.len() {
        let run = run_length(&values[at..]);
        // What is packed comes in groups of eight, so a run first fills up the group before it.
        let fill = (8 - (at - packed) % 8) % 8;
        if run >= fill + 8 {
            pack(&values[packed..at + fill], width, out);
            repeat(values[at], run - fill, width, out);
            packed = at + run;
        }
        at += run;
    }
    pack(&values[packed..], width, out);
}

/// Appends one run.
pub(super) fn repeat(value: u32, count: usize, width: u32, out: &mut Vec<u8>) {
    varint(count << 1, out);
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// Bits that every number below `count` fits in.
pub(super) fn width_for(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

/// Bits that a number fits in.
pub(super) fn width_of(number: u32) -> u32 {
    u32::BITS - number.leading_zeros()
}

fn run_length(values: &[u32]) -> usize {
    values.iter().take_while(|&&value| value == values[0]).count()
}

/// Appends `values` bit by bit, the last group of eight filled up with zeros.
fn pack(values: &[u32], width: u32, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(8);
    varint(groups << 1 | 1, out);
    bits(values, groups * 8 - values.len(), width, out);
}

/// Appends `values` and `fill` zeros bit by bit, the least first; together they fill whole bytes.
pub(super) fn bits(values: &[u32], fill: usize, width: u32, out: &mut Vec<u8>) {
    let (mut bits, mut held) = (0_u64, 0);
    for &value in values.iter().chain(std::iter::repeat_n(&0, fill)) {
        bits |= u64::from(value) << held;
        held += width;
        while held >= 32 {
            out.extend_from_slice(&bits.to_le_bytes()[..4]);
            bits >>= 32;
            held -= 32;
        }
    }
    out.extend_from_slice(&bits.to_le_bytes()[..held.div_ceil(8) as usize]);
}

/// Appends a number, seven bits a byte.
pub(super) fn varint(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The format's own words, read one number at a time.
    fn decode(mut bytes: &[u8], width: u32, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < count {
            let (mut header, mut shift) = (0_usize, 0);
            loop {
                let byte = bytes[0];
                bytes = &bytes[1..];
                header |= usize::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
            if header & 1 == 0 {
                let (value, rest) = bytes.split_at(width.div_ceil(8) as usize);
                let value = value.iter().rev().fold(0, |sum, &byte| sum << 8 | u32::from(byte));
                values.extend(std::iter::repeat_n(value, header >> 1));
                bytes = rest;
            } else {
                let length = (header >> 1) * width as usize;
                for number in 0..(header >> 1) * 8 {
                    let bit = |at: usize| u32::from(bytes[at / 8] >> (at % 8) & 1);
                    let first = number * width as usize;
                    values.push((0..width as usize).fold(0, |sum, i| sum | bit(first + i) << i));
                }
                bytes = &bytes[length..];
            }
        }
        assert!(bytes.is_empty());
        values.truncate(count);
        values
    }

    #[test]
    fn widths() {
        assert_eq!([0, 1, 2, 3, 4, 5, 256, 257].map(width_for), [0, 0, 1, 2, 2, 3, 8, 9]);
    }

    #[test]
    fn a_run_is_three_bytes() {
        let mut out = Vec::new();
        encode(&vec![1; 5000], 1, &mut out);
        assert_eq!(out, [0x90, 0x4e, 1]);
    }

    proptest! {
        #[test]
        fn comes_back(runs in prop::collection::vec((any::<u32>(), 1..40_usize), 0..40), width in 0..=32_u32) {
            let mask = u32::try_from((1_u64 << width) - 1).unwrap();
            let values = runs.iter().flat_map(|&(value, n)| std::iter::repeat_n(value & mask, n)).collect::<Vec<_>>();
            let mut out = Vec::new();
            encode(&values, width, &mut out);
            prop_assert_eq!(decode(&out, width, values.len()), values);
        }
    }
}
