"""Who takes more within ninety days: features of a table with a column a month, six models, tuning and judging."""
