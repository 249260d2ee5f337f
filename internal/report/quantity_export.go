package report

// Quantity writes a value in SI base units for people: three significant
// digits and a fitting prefix.
func Quantity(x float64, unit string) string { return quantity(x, unit) }
