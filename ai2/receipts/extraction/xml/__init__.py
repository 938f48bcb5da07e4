"""Invoices that are XML: UBL 2 and the UN's Cross Industry Invoice, which Factur-X and ZUGFeRD put into a PDF."""
