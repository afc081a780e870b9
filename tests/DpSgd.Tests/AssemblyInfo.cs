using Xunit;

// Live tensors are counted for the whole process, so no two tests may run at once.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
