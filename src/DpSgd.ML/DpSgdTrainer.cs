using DpSgd.Accounting;
using DpSgd.ML.Tasks;
using DpSgd.ML.Training;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace DpSgd.ML;

/// <summary>
/// Trains a linear model or a multilayer perceptron with differential privacy. <see cref="Fit"/> reads the rows once and
/// keeps their features in memory.
/// </summary>
/// <remarks>
/// <para>Input and output columns</para>
/// <list type="table">
/// <listheader><term>Task</term><description>Label; columns that are added</description></listheader>
/// <item><term>Multiclass classification</term><description>Key&lt;UInt32&gt;; PredictedLabel (the same key), Score (Vector&lt;Single&gt;, probabilities)</description></item>
/// <item><term>Binary classification</term><description>Boolean; PredictedLabel (Boolean), Score (Single, a logit), Probability (Single)</description></item>
/// <item><term>Regression</term><description>Single; Score (Single)</description></item>
/// </list>
/// <para>Trainer characteristics</para>
/// <list type="table">
/// <item><term>Is normalisation required?</term><description>Yes: give <see cref="DpSgdTrainerOptions.FeatureRanges"/></description></item>
/// <item><term>Is caching required?</term><description>No</description></item>
/// <item><term>Required NuGet in addition to Microsoft.ML</term><description>DpSgd.ML and a TorchSharp backend (TorchSharp-cpu), for training alone</description></item>
/// <item><term>Exportable to ONNX</term><description>Yes: <see cref="DpSgdTransformer.SaveAsOnnx"/></description></item>
/// </list>
/// </remarks>
public sealed class DpSgdTrainer : ITrainerEstimator<DpSgdTransformer, DpSgdModelParameters>
{
    private readonly MLContext _mlContext;
    private readonly DpSgdTrainerOptions _options;
    private readonly LearningTask _task;

    internal DpSgdTrainer(MLContext mlContext, DpSgdTrainerOptions options, LearningTask task)
    {
        _mlContext = mlContext;
        _options = Guard.NotNull(options);
        _task = task;
        options.Check();
        // ML.NET gives no way to make one. This trainer's says what holds of ours: normalise, do not cache, do not calibrate.
        Info = mlContext.AnomalyDetection.Trainers.RandomizedPca(options.FeatureColumnName).Info;
    }

    /// <inheritdoc/>
    public TrainerInfo Info { get; }

    /// <summary>Trains a model.</summary>
    /// <param name="input">The private rows. One row is one example of the guarantee: a person with several rows is protected less.</param>
    /// <remarks>
    /// The guarantee is for the rows that come in here, not for those of a file from which they were made. It multiplies or
    /// ends where one row of the file makes several of these (<c>BootstrapSample</c>, oversampling, balancing of classes,
    /// windows, transforms that remember earlier rows), and where it decides which others are here (<c>TrainTestSplit</c>
    /// goes by the positions of the rows, unless it has a <c>samplingKeyColumnName</c>). Each further training on the same
    /// rows adds its epsilon and its delta.
    /// </remarks>
    /// <returns>A transformer that adds the predictions, and carries the guarantee.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="input"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of the wrong type; or the batches are larger than the data set, or no noise is enough for the target epsilon.</exception>
    /// <exception cref="ArgumentException">There are not as many feature ranges as features.</exception>
    /// <exception cref="InvalidOperationException">There are no rows, or a feature or a label is missing or infinite, or a row has not as many features as the type of the column says, or all labels are of one class: whether this is thrown depends on the rows, and is for who holds them. Or there is no TorchSharp backend, or training diverged.</exception>
    /// <exception cref="OperationCanceledException">Training was cancelled.</exception>
    public DpSgdTransformer Fit(IDataView input)
    {
        Guard.NotNull(input);
        var host = ((IHostEnvironment)_mlContext).Register(nameof(DpSgdTrainer));
        try
        {
            Backend.Require();
            var columns = TrainingColumns.Find(input.Schema, _options, _task);
            using var channel = host.Start("Training");
            var cancellation = new Cancellation(host, _options.CancellationToken);
            var rows = TrainingRows.Read(input, columns, _task, _options.FeatureRanges, cancellation);
            var head = _task.Head(columns.Label);
            var model = new PrivateTraining(_options, head, rows, channel, cancellation).Run();
            return new DpSgdTransformer(host, model, _options.FeatureColumnName);
        }
        catch (Exception exception)
        {
            host.Process(exception);   // as ML.NET marks its own
            throw;
        }
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema) => _task.Standard(_mlContext, _options).GetOutputSchema(inputSchema);
}
