"""Points as columns: frames → batches that Arrow's libraries take without copying."""
