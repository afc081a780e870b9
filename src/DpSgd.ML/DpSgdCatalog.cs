using DpSgd.Accounting;
using DpSgd.ML.Tasks;
using Microsoft.ML;

namespace DpSgd.ML;

/// <summary>
/// Trainers with differential privacy for ML.NET pipelines: DP-SGD (Abadi et al., "Deep Learning with Differential Privacy",
/// 2016) on a linear model or a multilayer perceptron. Made by <see cref="DpSgdMLContextExtensions.DpSgd"/>.
/// </summary>
/// <remarks>
/// <para>
/// The guarantee covers what a trainer learns from the rows that <c>Fit</c> is given. What the pipeline learned from the
/// same rows before (normalisation, keys, missing values) is outside of it; use <see cref="DpSgdTrainerOptions.FeatureRanges"/>
/// and <c>MapValueToKey</c> with <c>keyData</c>, which learn nothing. The number of rows counts as public.
/// </para>
/// <para>
/// Steps that make several rows of one (sampling with repetition, oversampling, windows over a series) multiply what a row
/// can do, and void the guarantee for the row that they were made of.
/// </para>
/// <para>
/// Several models trained on the same rows cost the sum of their epsilons and the sum of their deltas. In
/// <c>CrossValidate</c> with K folds each row is trained on K - 1 times.
/// </para>
/// </remarks>
public sealed class DpSgdCatalog
{
    private readonly MLContext _mlContext;

    internal DpSgdCatalog(MLContext mlContext) => _mlContext = mlContext;

    /// <summary>A classifier for two or more classes, trained to a given epsilon.</summary>
    /// <param name="targetEpsilon">Epsilon, positive and finite.</param>
    /// <param name="delta">Delta, in (0, 1); should be well below one over the number of rows.</param>
    /// <param name="labelColumnName">The label: a key.</param>
    /// <param name="featureColumnName">The features: a vector of <see cref="float"/> of known size, best between about -1 and 1.</param>
    /// <param name="hiddenLayers">Widths of the hidden layers; null or empty for a linear model.</param>
    /// <param name="numberOfEpochs">Passes over the rows, at least one.</param>
    /// <param name="expectedBatchSize">Average batch size, at least one; null for a tenth of the rows, but at most 256.</param>
    /// <returns>A trainer; its transformer adds the columns PredictedLabel (key) and Score (the probability of each class).</returns>
    /// <exception cref="ArgumentException">An argument is outside its range.</exception>
    public DpSgdTrainer MulticlassClassification(
        double targetEpsilon,
        double delta,
        string labelColumnName = "Label",
        string featureColumnName = "Features",
        IReadOnlyList<int>? hiddenLayers = null,
        int numberOfEpochs = 20,
        int? expectedBatchSize = null) => MulticlassClassification(new DpSgdTrainerOptions
        {
            TargetEpsilon = targetEpsilon,
            Delta = delta,
            LabelColumnName = labelColumnName,
            FeatureColumnName = featureColumnName,
            HiddenLayers = hiddenLayers ?? [],
            NumberOfEpochs = numberOfEpochs,
            ExpectedBatchSize = expectedBatchSize,
        });

    /// <summary>A classifier for two or more classes.</summary>
    /// <param name="options">What to train on, how, and how privately.</param>
    /// <returns>A trainer; its transformer adds the columns PredictedLabel (key) and Score (the probability of each class).</returns>
    /// <exception cref="ArgumentNullException"><paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentException">Not exactly one of target epsilon and noise multiplier is given, or the options are for regression.</exception>
    public DpSgdTrainer MulticlassClassification(DpSgdTrainerOptions options) =>
        new(_mlContext, ForClasses(options), MulticlassTask.Instance);

    /// <summary>A classifier for two classes, trained to a given epsilon.</summary>
    /// <param name="targetEpsilon">Epsilon, positive and finite.</param>
    /// <param name="delta">Delta, in (0, 1); should be well below one over the number of rows.</param>
    /// <param name="labelColumnName">The label: a <see cref="bool"/>.</param>
    /// <param name="featureColumnName">The features: a vector of <see cref="float"/> of known size, best between about -1 and 1.</param>
    /// <param name="hiddenLayers">Widths of the hidden layers; null or empty for a linear model.</param>
    /// <param name="numberOfEpochs">Passes over the rows, at least one.</param>
    /// <param name="expectedBatchSize">Average batch size, at least one; null for a tenth of the rows, but at most 256.</param>
    /// <returns>A trainer; its transformer adds the columns PredictedLabel (bool), Score (the logit) and Probability.</returns>
    /// <exception cref="ArgumentException">An argument is outside its range.</exception>
    public DpSgdTrainer BinaryClassification(
        double targetEpsilon,
        double delta,
        string labelColumnName = "Label",
        string featureColumnName = "Features",
        IReadOnlyList<int>? hiddenLayers = null,
        int numberOfEpochs = 20,
        int? expectedBatchSize = null) => BinaryClassification(new DpSgdTrainerOptions
        {
            TargetEpsilon = targetEpsilon,
            Delta = delta,
            LabelColumnName = labelColumnName,
            FeatureColumnName = featureColumnName,
            HiddenLayers = hiddenLayers ?? [],
            NumberOfEpochs = numberOfEpochs,
            ExpectedBatchSize = expectedBatchSize,
        });

    /// <summary>A classifier for two classes.</summary>
    /// <param name="options">What to train on, how, and how privately.</param>
    /// <returns>A trainer; its transformer adds the columns PredictedLabel (bool), Score (the logit) and Probability.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentException">Not exactly one of target epsilon and noise multiplier is given, or the options are for regression.</exception>
    public DpSgdTrainer BinaryClassification(DpSgdTrainerOptions options) =>
        new(_mlContext, ForClasses(options), BinaryTask.Instance);

    /// <summary>Least squares regression, trained to a given epsilon.</summary>
    /// <param name="targetEpsilon">Epsilon, positive and finite.</param>
    /// <param name="delta">Delta, in (0, 1); should be well below one over the number of rows.</param>
    /// <param name="labelRange">Between what bounds labels can be; known beforehand, not looked up in the rows. Labels beyond them are taken to be the bound.</param>
    /// <param name="labelColumnName">The label: a <see cref="float"/>.</param>
    /// <param name="featureColumnName">The features: a vector of <see cref="float"/> of known size, best between about -1 and 1.</param>
    /// <param name="hiddenLayers">Widths of the hidden layers; null or empty for a linear model.</param>
    /// <param name="numberOfEpochs">Passes over the rows, at least one.</param>
    /// <param name="expectedBatchSize">Average batch size, at least one; null for a tenth of the rows, but at most 256.</param>
    /// <returns>A trainer; its transformer adds the column Score, in the unit of the labels.</returns>
    /// <exception cref="ArgumentException">An argument is outside its range.</exception>
    public DpSgdTrainer Regression(
        double targetEpsilon,
        double delta,
        ValueRange labelRange,
        string labelColumnName = "Label",
        string featureColumnName = "Features",
        IReadOnlyList<int>? hiddenLayers = null,
        int numberOfEpochs = 20,
        int? expectedBatchSize = null) => Regression(new DpSgdRegressionOptions
        {
            TargetEpsilon = targetEpsilon,
            Delta = delta,
            LabelRange = labelRange,
            LabelColumnName = labelColumnName,
            FeatureColumnName = featureColumnName,
            HiddenLayers = hiddenLayers ?? [],
            NumberOfEpochs = numberOfEpochs,
            ExpectedBatchSize = expectedBatchSize,
        });

    /// <summary>Least squares regression.</summary>
    /// <param name="options">What to train on, how, and how privately.</param>
    /// <returns>A trainer; its transformer adds the column Score, in the unit of the labels.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentException">Not exactly one of target epsilon and noise multiplier is given.</exception>
    public DpSgdTrainer Regression(DpSgdRegressionOptions options) =>
        new(_mlContext, options, new RegressionTask(Guard.NotNull(options).LabelRange));

    private static DpSgdTrainerOptions ForClasses(DpSgdTrainerOptions options) => options is DpSgdRegressionOptions
        ? throw new ArgumentException($"{nameof(DpSgdRegressionOptions)} are for {nameof(Regression)}: a classifier has no {nameof(DpSgdRegressionOptions.LabelRange)}. Use {nameof(DpSgdTrainerOptions)}.", nameof(options))
        : options;
}
