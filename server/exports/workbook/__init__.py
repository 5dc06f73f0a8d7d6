"""The workbook of service-level and qualitative indicators: XLSX, CSV and Markdown."""
