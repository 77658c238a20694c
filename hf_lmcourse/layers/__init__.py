"""The mathematics in plain torch: one file per recurrence, output layer or regulariser."""
