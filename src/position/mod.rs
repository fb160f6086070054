//! The licence position: rights owned, used, needed and left, and what they cost, by product, model and
//! metric. Facts and a day in, results out; it reads and writes nothing.
//!
//! Quantities and formulas are those of ServiceNow's reconciliation results
//! (<https://www.servicenow.com/docs/r/it-asset-management/software-asset-management/software-reconciliation-results.html>);
//! every amount is of a year, in its own currency.

pub mod calculate;
mod draft;
pub mod facts;
mod price;
pub mod result;
pub mod row;
#[cfg(test)]
mod tests;
mod vendor;
