"""Plans: everything drawn for a batch, and its lowered form that engines carry out."""
