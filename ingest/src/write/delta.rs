//! Numbers near their neighbours → Parquet's `DELTA_BINARY_PACKED` (Apache Parquet format, "Delta Encoding").

use super::hybrid::{bits, varint, width_of};

/// Numbers of a block: for each its least difference is stored.
const BLOCK: usize = 128;

/// Numbers that share a width.
const MINIBLOCK: usize = 32;

/// Appends `values`, each below 2³¹, to `out`.
pub(super) fn encode(values: &[u32], out: &mut Vec<u8>) {
    varint(BLOCK, out);
    varint(BLOCK / MINIBLOCK, out);
    varint(values.len(), out);
    let Some(&first) = values.first() else { return varint(0, out) };
    zigzag(i64::from(first), out);
    let mut over = Vec::with_capacity(BLOCK);
    for from in (0..values.len() - 1).step_by(BLOCK) {
        let block = &values[from..values.len().min(from + BLOCK + 1)];
        let differences = || block.windows(2).map(|pair| i64::from(pair[1]) - i64::from(pair[0]));
        let least = differences().min().unwrap_or(0);
        over.clear();
        // Below 2³², since the values are below 2³¹.
        over.extend(differences().map(|difference| u32::try_from(difference - least).unwrap_or(u32::MAX)));
        zigzag(least, out);
        let miniblocks = || over.chunks(MINIBLOCK);
        let widths = miniblocks().map(|numbers| width_of(numbers.iter().copied().max().unwrap_or(0)));
        let widths = widths.collect::<Vec<_>>();
        out.extend((0..BLOCK / MINIBLOCK).map(|at| widths.get(at).map_or(0, |width| width.to_le_bytes()[0])));
        for (numbers, &width) in miniblocks().zip(&widths) {
            bits(numbers, MINIBLOCK - numbers.len(), width, out);
        }
    }
}

/// Small numbers of either sign are short.
fn zigzag(number: i64, out: &mut Vec<u8>) {
    let folded = (number << 1) ^ (number >> 63);
    varint(usize::try_from(folded).unwrap_or(0), out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The format's own words, read one number at a time.
    fn decode(bytes: &[u8]) -> Vec<i64> {
        let mut at = 0;
        let mut number = || {
            let (mut value, mut shift) = (0_u64, 0);
            loop {
                let byte = bytes[at];
                at += 1;
                value |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    return value;
                }
            }
        };
        let (block, miniblocks, count) = (number(), number(), number());
        assert_eq!((block, miniblocks), (128, 4));
        let signed = |folded: u64| (folded >> 1).cast_signed() ^ -(folded & 1).cast_signed();
        let mut values = vec![signed(number())];
        let mut place = at;
        while (values.len() as u64) < count {
            let (mut folded, mut shift) = (0_u64, 0);
            loop {
                let byte = bytes[place];
                place += 1;
                folded |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
            let least = signed(folded);
            let widths = bytes[place..place + 4].to_vec();
            place += 4;
            for width in widths.into_iter().map(usize::from) {
                if values.len() as u64 >= count {
                    break;
                }
                for number in 0..32 {
                    let bit = |at: usize| u64::from(bytes[place + at / 8] >> (at % 8) & 1);
                    let over = (0..width).fold(0, |sum, i| sum | bit(number * width + i) << i);
                    values.push(values.last().unwrap() + least + over.cast_signed());
                }
                place += 4 * width;
            }
        }
        values.truncate(usize::try_from(count).unwrap());
        assert_eq!(place, bytes.len());
        values
    }

    #[test]
    fn equal_lengths_take_next_to_nothing() {
        let mut out = Vec::new();
        encode(&[36; 1000], &mut out);
        assert!(out.len() < 50, "{}", out.len());
        assert_eq!(decode(&out), [36; 1000]);
    }

    proptest! {
        #[test]
        fn comes_back(values in prop::collection::vec(prop_oneof![0..100_u32, 0..1_u32 << 31], 1..400)) {
            let mut out = Vec::new();
            encode(&values, &mut out);
            let wide = values.iter().map(|&value| i64::from(value)).collect::<Vec<_>>();
            prop_assert_eq!(decode(&out), wide);
        }
    }
}
