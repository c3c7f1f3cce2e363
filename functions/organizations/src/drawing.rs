//! The chart as an SVG: the top to the left, each department beside the middle of those below it.
//!
//! Colours are attributes and not a style sheet, which a strict page would refuse, and stand out from light and dark alike.

use domain::chart::{Branch, Chart, HeadView};
use std::fmt::Write as _;

const WIDTH: usize = 248;
const HEIGHT: usize = 92;
/// Between two boxes beside each other, and between two levels.
const GAP: usize = 18;
const STEP: usize = WIDTH + 64;
const MARGIN: usize = 24;
/// What text may take of a box, in pixels.
const ROOM: f64 = 204.0;

const INK: &str = "#1b2533";
const FAINT: &str = "#55627a";
const PAPER: &str = "#ffffff";
const EDGE: &str = "#8b97ab";
/// One for each level, again from the start where there are more.
const ACCENTS: [&str; 6] = ["#2f6fde", "#0f8a7e", "#8a56c9", "#c0631a", "#b83a6d", "#4c7a1f"];

/// A box and where it stands.
struct Placed<'a> {
    level: usize,
    top: usize,
    name: &'a str,
    line: String,
    count: String,
    /// The tops of those below it.
    below: Vec<usize>,
}

pub fn draw(chart: &Chart) -> String {
    let mut boxes = Vec::new();
    let mut next = MARGIN;
    let members = format!("{}{}", people(chart.members), if chart.partial { " or more" } else { "" });
    place(chart.name.as_str(), &[], members, &chart.departments, 0, &mut next, &mut boxes);
    let levels = boxes.iter().map(|one| one.level).max().unwrap_or_default();
    let (width, height) = (2 * MARGIN + levels * STEP + WIDTH, next - GAP + MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-labelledby=\"title desc\" \
         font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif\" text-anchor=\"middle\">\n\
         <title id=\"title\">Organisation chart of {}</title>\n<desc id=\"desc\">{}</desc>\n",
        escape(chart.name.as_str()),
        escape(&told(chart)),
    );
    for one in &boxes {
        draw_lines(&mut svg, one);
    }
    for one in &boxes {
        draw_box(&mut svg, one);
    }
    svg.push_str("</svg>\n");
    svg
}

/// Places what is below first, and the box itself beside its middle; gives its top.
fn place<'a>(
    name: &'a str,
    heads: &[HeadView],
    count: String,
    children: &'a [Branch],
    level: usize,
    next: &mut usize,
    boxes: &mut Vec<Placed<'a>>,
) -> usize {
    let below: Vec<_> = children
        .iter()
        .map(|child| place(child.name.as_str(), &child.heads, counted(child), &child.departments, level + 1, next, boxes))
        .collect();
    let top = match (below.first(), below.last()) {
        (Some(first), Some(last)) => (first + last) / 2,
        _ => {
            *next += HEIGHT + GAP;
            *next - HEIGHT - GAP
        }
    };
    boxes.push(Placed { level, top, name, line: headed(heads), count, below });
    top
}

fn people(count: usize) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{count} people") }
}

fn counted(branch: &Branch) -> String {
    match branch.teams.len() {
        0 => people(branch.members),
        1 => format!("{} · 1 team", people(branch.members)),
        teams => format!("{} · {teams} teams", people(branch.members)),
    }
}

fn headed(heads: &[HeadView]) -> String {
    match heads {
        [] => String::new(),
        [one] => one.name.to_string(),
        [one, other] => format!("{}, {}", one.name, other.name),
        [one, rest @ ..] => format!("{} and {} more", one.name, rest.len()),
    }
}

fn draw_lines(svg: &mut String, one: &Placed<'_>) {
    let (from, y) = (MARGIN + one.level * STEP + WIDTH, one.top + HEIGHT / 2);
    let (to, half) = (from + STEP - WIDTH, from + (STEP - WIDTH) / 2);
    for below in &one.below {
        let end = below + HEIGHT / 2;
        let _ = writeln!(
            svg,
            "<path d=\"M{from} {y}C{half} {y} {half} {end} {to} {end}\" fill=\"none\" stroke=\"{EDGE}\" stroke-width=\"1.5\"/>"
        );
    }
}

fn draw_box(svg: &mut String, one: &Placed<'_>) {
    let (x, y) = (MARGIN + one.level * STEP, one.top);
    let accent = ACCENTS[one.level % ACCENTS.len()];
    let _ = writeln!(svg, "<g><title>{}</title>", escape(one.name));
    let _ = writeln!(svg, "<rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"10\" fill=\"{PAPER}\" stroke=\"{EDGE}\"/>");
    let _ = writeln!(svg, "<rect x=\"{x}\" y=\"{}\" width=\"4\" height=\"{}\" rx=\"2\" fill=\"{accent}\"/>", y + 14, HEIGHT - 28);
    let mut lines: Vec<(String, f64, &str, &str)> = wrap(one.name, 14.0, 2).into_iter().map(|line| (line, 14.0, "600", INK)).collect();
    if !one.line.is_empty() {
        lines.extend(wrap(&one.line, 13.0, 1).into_iter().map(|line| (line, 13.0, "400", INK)));
    }
    lines.push((one.count.clone(), 12.0, "400", FAINT));
    let spacing = 19.0;
    let mut base = y as f64 + (HEIGHT as f64 - spacing * (lines.len() as f64 - 1.0)) / 2.0 + 4.5;
    for (text, size, weight, colour) in lines {
        // A line reads in the direction of its own first letter
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{base:.1}\" font-size=\"{size}\" font-weight=\"{weight}\" fill=\"{colour}\" unicode-bidi=\"plaintext\">{}</text>",
            x + WIDTH / 2,
            escape(&text)
        );
        base += spacing;
    }
    svg.push_str("</g>\n");
}

/// About how wide a letter is, in parts of the size of its font; nobody here has the font.
fn breadth(c: char) -> f64 {
    match c {
        '\u{300}'..='\u{36f}'
        | '\u{591}'..='\u{5c7}'
        | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}'
        | '\u{200c}'..='\u{200d}'
        | '\u{fe00}'..='\u{fe0f}' => 0.0,
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' => 0.32,
        'f' | 'r' | 't' | '(' | ')' | '-' | '/' => 0.42,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '&' => 0.98,
        c if c.is_ascii_uppercase() => 0.72,
        c if u32::from(c) >= 0x1100 => 1.08,
        c if c.is_uppercase() => 0.74,
        _ => 0.6,
    }
}

fn fits(text: &str, size: f64) -> bool {
    text.chars().map(breadth).sum::<f64>() * size <= ROOM
}

/// The text in so many lines at the most, broken where it has spaces if it can be; what is left over is said by an ellipsis.
fn wrap(text: &str, size: f64, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if fits(rest, size) {
            lines.push(rest.to_owned());
            break;
        }
        let last = lines.len() + 1 == most;
        let (mut end, mut space, mut line) = (0, None, String::new());
        for (place, c) in rest.char_indices() {
            line.push(c);
            if !fits(&format!("{line}{}", if last { "…" } else { "" }), size) {
                break;
            }
            // Nothing that belongs to the letter before begins a line
            if !rest[place + c.len_utf8()..].chars().next().is_some_and(|next| breadth(next) == 0.0) && c != '\u{200d}' {
                end = place + c.len_utf8();
            }
            if c == ' ' {
                space = Some(place);
            }
        }
        // One letter at the least, so that it ends
        let end = end.max(rest.chars().next().map_or(1, char::len_utf8));
        if last {
            lines.push(format!("{}…", rest[..end].trim_end()));
            break;
        }
        let end = space.unwrap_or(end);
        lines.push(rest[..end].trim_end().to_owned());
        rest = rest[end..].trim_start();
    }
    lines
}

/// The chart in words, for those who do not see it.
fn told(chart: &Chart) -> String {
    fn tell(words: &mut String, above: &str, branches: &[Branch]) {
        for one in branches {
            let heads: Vec<_> = one.heads.iter().map(|head| head.name.as_str()).collect();
            let headed = if heads.is_empty() { String::new() } else { format!(", headed by {}", heads.join(" and ")) };
            let _ = write!(words, " {}, below {above}{headed}: {}.", one.name, counted(one));
            tell(words, one.name.as_str(), &one.departments);
        }
    }
    let mut words = format!("{}: {}.", chart.name, people(chart.members));
    tell(&mut words, chart.name.as_str(), &chart.departments);
    words
}

/// Text as XML takes it; what XML knows no way to write is left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => {}
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_any_length_and_script_stays_in_its_box() {
        let long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(3);
        let family = "👨‍👩‍👧‍👦".repeat(40);
        for name in [
            long.as_str(),
            family.as_str(),
            "מחלקת המכירות של האזור הצפוני ושל כל הסניפים שלו",
            "研究開発本部第一開発部先端技術研究課第三係統括",
            "a",
            "W W W W W W W W W W W W W W W W W W W W",
        ] {
            let lines = wrap(name, 14.0, 2);
            assert!((1..=2).contains(&lines.len()), "{lines:?}");
            assert!(lines.iter().all(|line| fits(line, 14.0) && !line.is_empty()), "{lines:?}");
        }
        assert_eq!(wrap("Research and Development for Everybody", 14.0, 2), ["Research and Development", "for Everybody"]);
    }

    #[test]
    fn what_people_write_is_text_and_nothing_else() {
        assert_eq!(escape("<script>\"a\" & 'b'\u{7}\u{ffff}"), "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;");
    }
}
