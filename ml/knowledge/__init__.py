"""What is known without anybody's data: merchants of the world, merchant category codes, words of bank text."""
