"""Workbooks: one module for each way in which a spreadsheet is kept; each gives grids of typed cells."""
