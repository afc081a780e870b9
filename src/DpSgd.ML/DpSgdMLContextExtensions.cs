using DpSgd.Accounting;
using DpSgd.ML;
using DpSgd.ML.Persistence;

namespace Microsoft.ML;

/// <summary>Gives an <see cref="MLContext"/> its private trainers.</summary>
public static class DpSgdMLContextExtensions
{
    /// <summary>
    /// Trainers with differential privacy. The first call also teaches the context to load models that they made: in a
    /// program that only loads one, call it before <c>mlContext.Model.Load</c>.
    /// </summary>
    /// <param name="mlContext">The context.</param>
    /// <exception cref="ArgumentNullException"><paramref name="mlContext"/> is null.</exception>
    public static DpSgdCatalog DpSgd(this MLContext mlContext)
    {
        Guard.NotNull(mlContext);
        ModelRepository.Register(mlContext.ComponentCatalog);
        return new DpSgdCatalog(mlContext);
    }
}
