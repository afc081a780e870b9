namespace DpSgd;

/// <summary>A <see cref="DPDataLoader{TBatch}"/> of which is known how it draws.</summary>
/// <typeparam name="TSampling">How the batches are drawn.</typeparam>
/// <typeparam name="TBatch">What a batch is.</typeparam>
public abstract class DPDataLoader<TSampling, TBatch> : DPDataLoader<TBatch>
    where TSampling : BatchSampling
{
    /// <summary>Prepares to draw from as many examples as there are.</summary>
    private protected DPDataLoader(
        IBatchSource<TBatch> source, Func<long, TSampling> samplingOf, int? maxPhysicalBatchSize, int prefetch, int? seedForTests)
        : base(source, samplingOf, maxPhysicalBatchSize, prefetch, seedForTests)
    {
    }

    /// <inheritdoc cref="DPDataLoader{TBatch}.Sampling"/>
    public new TSampling Sampling => (TSampling)base.Sampling;
}
