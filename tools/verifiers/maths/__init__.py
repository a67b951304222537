"""What `math_answer` stands on: finding a final answer, reading plain numbers, comparing formulas."""
