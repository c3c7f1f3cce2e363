//! Prints the OpenAPI document of all functions.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{}", local::openapi::document().to_pretty_json()?);
    Ok(())
}
