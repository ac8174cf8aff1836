"""The classic experiments on MNIST: what each family of networks reads and costs, beside what this project ships."""
