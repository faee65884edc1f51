"""Money: ledger, budget, receipts, spending of projects."""
