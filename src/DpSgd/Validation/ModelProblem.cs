namespace DpSgd;

/// <summary>One reason why a model cannot be trained privately as it is.</summary>
/// <param name="Path">Where it is in the model, as <c>named_modules</c> and <c>named_parameters</c> write it; the model itself goes by the name of its type.</param>
/// <param name="Type">Type of the module that it is about, or <c>Parameter</c>.</param>
/// <param name="Reason">What is wrong with it, to be read after "it".</param>
/// <param name="Instead">What to use or to do instead.</param>
public sealed record ModelProblem(string Path, string Type, string Reason, string Instead)
{
    /// <summary>The problem as a sentence.</summary>
    public override string ToString() => Type == "Parameter" ? $"'{Path}' {Reason}: {Instead}" : $"'{Path}' is a {Type}, which {Reason}: {Instead}";
}
