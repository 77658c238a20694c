"""Result files, tables, plots and model cards of finished runs."""
