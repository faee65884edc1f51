"""What two or more generators share: charts, statistics, prints, documents, records. Pure, without rows."""
