//! The pictures of the page, as SVG. Colours are names that the page's style gives a value in light and dark.

use plotters::coord::ranged1d::ValueFormatter;
use plotters::coord::types::RangedCoordu64;
use plotters::prelude::*;

use super::super::ReportError;
use crate::store::report::TrendDay;

const INK: RGBColor = RGBColor(1, 1, 1);
const GRID: RGBColor = RGBColor(2, 2, 2);
const OWNED: RGBColor = RGBColor(3, 3, 3);
const USED: RGBColor = RGBColor(4, 4, 4);
const STALE: RGBColor = RGBColor(5, 5, 5);
/// Drawn so small that its words are readable on a telephone too.
const SIZE: (u32, u32) = (640, 260);
const WORDS: (&str, i32, &RGBColor) = ("sans-serif", 14, &INK);

type Drawn = Result<(), Box<dyn std::error::Error>>;
/// What a line shows of a day.
type Line = fn(&TrendDay) -> u64;

/// Rights owned and used, and stale ones, day by day.
pub(super) fn trend(days: &[TrendDay], title: &str, about: &str) -> Result<String, ReportError> {
    let mut svg = String::new();
    let drawn = draw_trend(&mut svg, days);
    drawn.map_err(|error| ReportError::Chart(error.to_string()))?;
    Ok(described(&svg, "trend", title, about))
}

fn draw_trend(svg: &mut String, days: &[TrendDay]) -> Drawn {
    let number = |index: usize| i32::try_from(index).unwrap_or(i32::MAX);
    let last = number(days.len()).saturating_sub(1).max(1);
    let most = days.iter().map(|day| day.owned.max(day.used)).max();
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .margin_right(44)
        .x_label_area_size(28)
        .y_label_area_size(64)
        .build_cartesian_2d(0..last, 0..with_room(most))?;
    let label = |index: &i32| {
        let index = usize::try_from(*index).ok();
        let day = index.and_then(|index| days.get(index));
        day.map_or_else(String::new, |day| day.day.to_string())
    };
    draw_mesh(&mut chart, 5, &label)?;
    let lines: [(RGBColor, Line); 3] = [
        (OWNED, |day| day.owned),
        (USED, |day| day.used),
        (STALE, |day| day.stale),
    ];
    for (colour, value) in lines {
        let points = || {
            days.iter()
                .enumerate()
                .map(|(index, day)| (number(index), value(day)))
        };
        chart.draw_series(LineSeries::new(points(), colour.stroke_width(3)))?;
        if days.len() < 30 {
            chart.draw_series(points().map(|point| Circle::new(point, 4, colour.filled())))?;
        }
    }
    root.present()?;
    Ok(())
}

/// One bar for each word.
pub(super) fn bars(bars: &[(&str, u64)], title: &str, about: &str) -> Result<String, ReportError> {
    let mut svg = String::new();
    let drawn = draw_bars(&mut svg, bars);
    drawn.map_err(|error| ReportError::Chart(error.to_string()))?;
    Ok(described(&svg, "bars", title, about))
}

fn draw_bars(svg: &mut String, bars: &[(&str, u64)]) -> Drawn {
    let count = i32::try_from(bars.len()).unwrap_or(i32::MAX).max(1);
    let most = bars.iter().map(|(_, value)| *value).max();
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .margin_right(44)
        .x_label_area_size(28)
        .y_label_area_size(64)
        .build_cartesian_2d(
            (0..count.saturating_sub(1)).into_segmented(),
            0..with_room(most),
        )?;
    let label = |segment: &SegmentValue<i32>| match segment {
        SegmentValue::CenterOf(index) | SegmentValue::Exact(index) => {
            let index = usize::try_from(*index).ok();
            let bar = index.and_then(|index| bars.get(index));
            bar.map_or_else(String::new, |(word, _)| (*word).to_owned())
        }
        SegmentValue::Last => String::new(),
    };
    draw_mesh(&mut chart, bars.len(), &label)?;
    chart.draw_series((0..count).zip(bars).map(|(index, (_, value))| {
        let mut bar = Rectangle::new(
            [
                (SegmentValue::Exact(index), 0),
                (SegmentValue::Exact(index.saturating_add(1)), *value),
            ],
            USED.filled(),
        );
        bar.set_margin(0, 0, 14, 14);
        bar
    }))?;
    root.present()?;
    Ok(())
}

/// The axes, at most so many words below, and a line across for every step of the values.
fn draw_mesh<X>(
    chart: &mut ChartContext<'_, SVGBackend<'_>, Cartesian2d<X, RangedCoordu64>>,
    words: usize,
    word: &dyn Fn(&X::ValueType) -> String,
) -> Drawn
where
    X: Ranged + ValueFormatter<<X as Ranged>::ValueType>,
{
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(words)
        .y_labels(5)
        .x_label_formatter(&word)
        .label_style(WORDS)
        .axis_style(GRID)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .draw()?;
    Ok(())
}

/// The end of an axis: a tenth above the highest value.
fn with_room(most: Option<u64>) -> u64 {
    let most = most.unwrap_or_default().max(4);
    most.saturating_add(most / 10).saturating_add(1)
}

/// The picture with a title and a description for those who do not see it. Both are words of this program.
fn described(svg: &str, id: &str, title: &str, about: &str) -> String {
    let open = format!("<svg role=\"img\" aria-labelledby=\"{id}-title {id}-about\" ");
    let svg = svg.replacen("<svg ", &open, 1);
    let words = format!(
        ">\n<title id=\"{id}-title\">{title}</title><desc id=\"{id}-about\">{about}</desc>"
    );
    svg.replacen('>', &words, 1)
}
