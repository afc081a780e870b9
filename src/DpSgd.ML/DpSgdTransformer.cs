using DpSgd.Accounting;
using DpSgd.ML.Export;
using DpSgd.ML.Persistence;
using DpSgd.ML.Scoring;
using DpSgd.ML.Training;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace DpSgd.ML;

/// <summary>
/// Adds the predictions of a privately trained model to data, row by row. It computes them without TorchSharp, on any
/// thread. <c>mlContext.Model.Save</c> and <c>Load</c> take it like one of ML.NET's own; before loading, call
/// <see cref="DpSgdMLContextExtensions.DpSgd"/> once on the context.
/// </summary>
public sealed class DpSgdTransformer : ISingleFeaturePredictionTransformer<DpSgdModelParameters>
{
    private readonly IHostEnvironment _host;

    internal DpSgdTransformer(IHostEnvironment host, DpSgdModelParameters model, string featureColumnName)
    {
        _host = host;
        Model = model;
        FeatureColumnName = featureColumnName;
    }

    /// <summary>The parameters that were learned, and their guarantee.</summary>
    public DpSgdModelParameters Model { get; }

    /// <summary>The guarantee: epsilon as the ledger of the steps that were really taken has it, and what it rests on.</summary>
    public DpSgdGuarantee Guarantee => Model.Guarantee;

    /// <inheritdoc/>
    public string FeatureColumnName { get; }

    /// <inheritdoc/>
    public DataViewType FeatureColumnType => new VectorDataViewType(NumberDataViewType.Single, Model.FeatureCount);

    bool ITransformer.IsRowToRowMapper => true;

    /// <summary>Finds the one in a pipeline's model, to ask it for its guarantee.</summary>
    /// <param name="model">A transformer or a chain of them, trained or loaded.</param>
    /// <exception cref="ArgumentNullException"><paramref name="model"/> is null.</exception>
    /// <exception cref="ArgumentException">There is none in it, or several.</exception>
    public static DpSgdTransformer In(ITransformer model)
    {
        var found = All(Guard.NotNull(model)).ToList();
        return found.Count == 1
            ? found[0]
            : throw new ArgumentException($"The model has {(found.Count == 0 ? "no transformer" : $"{found.Count} transformers")} that DpSgd trained.", nameof(model));
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentNullException"><paramref name="inputSchema"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The feature column is missing, or not of the type that the model was trained with.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Mapper(inputSchema).OutputSchema;

    /// <inheritdoc/>
    /// <exception cref="ArgumentNullException"><paramref name="input"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The feature column is missing, or not of the type that the model was trained with.</exception>
    public IDataView Transform(IDataView input) => new ScoredView(Guard.NotNull(input), Mapper(input.Schema));

    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema) => Mapper(inputSchema);

    void ICanSaveModel.Save(ModelSaveContext ctx) => ModelRepository.Save(ctx, writer => SavedModel.Write(writer, this));

    /// <summary>
    /// Writes the model as ONNX: the features are the input, named as their column, [N, features]; the outputs are Score
    /// [N, classes] and PredictedLabel [N] (positions from 0, int64) for classes, Score and Probability [N, 1] for two
    /// classes, and Score [N, 1] for regression. A feature column that is named like one of these outputs is the input
    /// Score.input, PredictedLabel.input or Probability.input. The rest of the pipeline is not in it.
    /// </summary>
    /// <param name="stream">Where to.</param>
    /// <exception cref="ArgumentNullException"><paramref name="stream"/> is null.</exception>
    public void SaveAsOnnx(Stream stream) => OnnxExport.Write(Guard.NotNull(stream), Model, FeatureColumnName);

    private static IEnumerable<DpSgdTransformer> All(ITransformer model) => model switch
    {
        DpSgdTransformer found => [found],
        IEnumerable<ITransformer> chain => chain.SelectMany(All),
        _ => [],
    };

    private RowMapper Mapper(DataViewSchema inputSchema)
    {
        Guard.NotNull(inputSchema);
        try
        {
            return new(inputSchema, TrainingColumns.FindFeatures(inputSchema, FeatureColumnName, Model.FeatureCount), Model);
        }
        catch (ArgumentException exception)
        {
            _host.Process(exception);   // as ML.NET marks its own
            throw;
        }
    }
}
