//! Prints the OpenAPI document of all functions.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{}", local::functions::openapi().to_pretty_json()?);
    Ok(())
}
