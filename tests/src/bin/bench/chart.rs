//! Bar charts in SVG.

use std::fmt::Write;

const LINE: usize = 22;
const NAMES: usize = 380;
const BARS: f64 = 420.0;

/// One bar a figure. Bars are logarithmic, since figures of one chart lie orders of magnitude apart.
pub fn bars(title: &str, figures: &[(&str, f64)]) -> String {
    let logarithm = |value: f64| (1.0 + value.max(0.0)).ln();
    let longest = figures.iter().map(|(_, value)| logarithm(*value)).fold(f64::MIN_POSITIVE, f64::max);
    let height = LINE * (figures.len() + 2);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"8\" y=\"18\" \
         font-weight=\"bold\">{title} (logarithmic)</text>\n"
    );
    for (row, (name, value)) in figures.iter().enumerate() {
        let top = LINE * (row + 1) + 6;
        let (length, baseline) = (BARS * logarithm(*value) / longest, top + 13);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{baseline}\" text-anchor=\"end\">{name}</text><rect x=\"{NAMES}\" y=\"{top}\" \
             width=\"{length:.1}\" height=\"16\" fill=\"#3b7dd8\"/><text x=\"{:.1}\" y=\"{baseline}\">{value:.2}</text>",
            NAMES - 8,
            NAMES as f64 + length + 6.0,
        );
    }
    svg.push_str("</svg>\n");
    svg
}
